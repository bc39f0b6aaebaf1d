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
    Config:
      | readonly {
          Subnet: string;
          IPRange?: string;
          Gateway?: string;
          AuxiliaryAddresses?: Readonly<Record<string, string>>;
        }[]
      | null;
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

/** Body of POST /networks/create. */
export interface NetworkCreateRequest {
  Name: string;
  Driver?: string;
  Internal?: boolean;
  Attachable?: boolean;
  EnableIPv6?: boolean;
  IPAM?: {
    Driver?: string;
    Options?: Readonly<Record<string, string>>;
    Config?: readonly {
      Subnet?: string;
      IPRange?: string;
      Gateway?: string;
      AuxiliaryAddresses?: Readonly<Record<string, string>>;
    }[];
  };
  Options?: Readonly<Record<string, string>>;
  Labels?: Readonly<Record<string, string>>;
}

/** `EndpointSettings` as asked for: what an instance is to have on a network. */
export interface EndpointRequest {
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string; LinkLocalIPs?: readonly string[] };
  Links?: readonly string[];
  Aliases?: readonly string[];
  MacAddress?: string;
  DriverOpts?: Readonly<Record<string, string>>;
  GwPriority?: number;
}
