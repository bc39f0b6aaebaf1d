/** A network, as GET /networks lists it and GET /networks/ID shows it. */
export interface NetworkResource {
  Name: string;
  Id: string;
  Created: string;
  Scope: 'local';
  Driver: string;
  EnableIPv4: boolean;
  EnableIPv6: boolean;
  IPAM: {
    Driver: string;
    Options: Readonly<Record<string, string>> | null;
    Config: readonly { Subnet: string; Gateway: string }[];
  };
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigFrom: { Network: string };
  ConfigOnly: boolean;
  /** By instance id; only when inspected. */
  Containers: Readonly<
    Record<
      string,
      { Name: string; EndpointID: string; MacAddress: string; IPv4Address: string; IPv6Address: string }
    >
  >;
  Options: Readonly<Record<string, string>>;
  Labels: Readonly<Record<string, string>>;
}

/** A volume. */
export interface VolumeResource {
  Name: string;
  Driver: string;
  Mountpoint: string;
  CreatedAt: string;
  Labels: Readonly<Record<string, string>> | null;
  Scope: 'local';
  Options: Readonly<Record<string, string>> | null;
}

/** Answer of GET /volumes. */
export interface VolumeList {
  Volumes: readonly VolumeResource[];
  Warnings: readonly string[] | null;
}

/** Body of POST /volumes/create. */
export interface VolumeCreateRequest {
  Name?: string;
  Driver?: string;
  DriverOpts?: Readonly<Record<string, string>> | null;
  Labels?: Readonly<Record<string, string>> | null;
}
