import * as v from 'valibot';

/** Schemas of the bodies that speak of networks. Unknown fields pass unread; null counts as absent, as it does for Go's clients. */
const text = v.nullish(v.string());
const flag = v.nullish(v.boolean());
/** Aliases, links, options and labels of one endpoint or network. */
const MOST_ENTRIES = 1024;
const texts = v.nullish(v.pipe(v.array(v.string()), v.maxLength(MOST_ENTRIES)));
const stringMap = v.nullish(v.pipe(v.record(v.string(), v.string()), v.maxEntries(MOST_ENTRIES)));

/** `EndpointSettings`, as far as they can be asked for. */
export const endpointBody = v.object({
  IPAMConfig: v.nullish(v.object({ IPv4Address: text, IPv6Address: text, LinkLocalIPs: texts })),
  Links: texts,
  Aliases: texts,
  MacAddress: text,
  DriverOpts: stringMap,
  GwPriority: v.nullish(v.pipe(v.number(), v.safeInteger())),
});
export type EndpointBody = v.InferOutput<typeof endpointBody>;

/** POST /networks/create. */
export const networkCreateBody = v.object({
  Name: v.string(),
  Driver: text,
  Scope: text,
  Internal: flag,
  Attachable: flag,
  Ingress: flag,
  ConfigOnly: flag,
  ConfigFrom: v.nullish(v.object({ Network: text })),
  EnableIPv4: flag,
  EnableIPv6: flag,
  IPAM: v.nullish(
    v.object({
      Driver: text,
      Options: stringMap,
      Config: v.nullish(
        v.array(
          v.object({
            Subnet: text,
            IPRange: text,
            Gateway: text,
            AuxiliaryAddresses: stringMap,
            AuxAddress: stringMap,
          }),
        ),
      ),
    }),
  ),
  Options: stringMap,
  Labels: stringMap,
});
export type NetworkCreateBody = v.InferOutput<typeof networkCreateBody>;

/** POST /networks/ID/connect. */
export const connectBody = v.object({ Container: v.string(), EndpointConfig: v.nullish(endpointBody) });

/** POST /networks/ID/disconnect. */
export const disconnectBody = v.object({ Container: v.string(), Force: flag });
