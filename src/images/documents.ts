import * as v from 'valibot';
import { isDigest } from '../lib/digest.ts';
import { HullError, messageOf } from '../model/errors.ts';
import type { Descriptor, Digest, ImageConfig, Manifest } from '../model/image.ts';
import { CONFIG_TYPES, INDEX_TYPES, LAYER_TYPES, MANIFEST_TYPE, MANIFEST_TYPES } from './media-types.ts';
import { parseBoundedJson } from '../lib/bounded-json.ts';

/** Bytes of a manifest, an index or a configuration; registries refuse larger ones too. */
export const LARGEST_DOCUMENT = 4 * 1024 * 1024;
/** More than any filesystem driver stacks. */
const MOST_LAYERS = 512;
const MOST_PLATFORMS = 1000;

/** An entry of an index. `os` and `architecture` are empty where the index does not say. */
export interface PlatformDescriptor extends Descriptor {
  readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

export type ParsedManifest =
  | { readonly kind: 'image'; readonly manifest: Manifest }
  | {
      readonly kind: 'index';
      readonly manifests: readonly PlatformDescriptor[];
      readonly annotations: Readonly<Record<string, string>>;
    };

const digest = v.custom<Digest>(
  (value) => typeof value === 'string' && isDigest(value),
  'expected a sha256 digest',
);
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const texts = v.record(v.string(), v.string());
const descriptorFields = { mediaType: v.string(), digest, size, annotations: v.optional(texts) };
const descriptor = v.object(descriptorFields);
const manifestSchema = v.object({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.string()),
  config: descriptor,
  layers: v.pipe(v.array(descriptor), v.maxLength(MOST_LAYERS)),
  annotations: v.optional(texts),
});
const platform = v.object({
  os: v.optional(v.string(), ''),
  architecture: v.optional(v.string(), ''),
  variant: v.optional(v.string()),
});
const indexSchema = v.object({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.string()),
  manifests: v.pipe(
    v.array(v.object({ ...descriptorFields, platform: v.optional(platform, { os: '', architecture: '' }) })),
    v.maxLength(MOST_PLATFORMS),
  ),
  annotations: v.optional(texts),
});
const strings = v.array(v.string());
const names = v.record(
  v.string(),
  v.pipe(
    v.unknown(),
    v.transform((): Record<string, never> => ({})),
  ),
);
const whole = v.pipe(v.number(), v.safeInteger());
const runConfig = v.object({
  User: v.optional(v.string()),
  ExposedPorts: v.optional(names),
  Env: v.optional(strings),
  Entrypoint: v.optional(strings),
  Cmd: v.optional(strings),
  Volumes: v.optional(names),
  WorkingDir: v.optional(v.string()),
  Labels: v.optional(texts),
  StopSignal: v.optional(v.string()),
  Healthcheck: v.optional(
    v.object({
      Test: v.optional(strings),
      Interval: v.optional(whole),
      Timeout: v.optional(whole),
      StartPeriod: v.optional(whole),
      StartInterval: v.optional(whole),
      Retries: v.optional(whole),
    }),
  ),
  Shell: v.optional(strings),
  OnBuild: v.optional(strings),
  ArgsEscaped: v.optional(v.boolean()),
});
const configSchema = v.object({
  created: v.optional(v.string()),
  author: v.optional(v.string()),
  architecture: v.string(),
  os: v.string(),
  variant: v.optional(v.string()),
  config: v.optional(runConfig),
  rootfs: v.object({
    type: v.literal('layers'),
    diff_ids: v.pipe(v.array(digest), v.maxLength(MOST_LAYERS)),
  }),
  history: v.optional(
    v.array(
      v.object({
        created: v.optional(v.string()),
        created_by: v.optional(v.string()),
        author: v.optional(v.string()),
        comment: v.optional(v.string()),
        empty_layer: v.optional(v.boolean()),
      }),
    ),
  ),
});

/**
 * An image's manifest or an index of several (image-spec, manifest.md, image-index.md; Docker's schema 2). `mediaType`: as the server said, for
 * documents that do not say it themselves. Throws `manifest-invalid`.
 */
export function parseManifest(data: Uint8Array, mediaType = ''): ParsedManifest {
  const value = parseDocument('manifest', data);
  const type = typeOf(value, mediaType);
  if (INDEX_TYPES.has(type)) {
    const { manifests, annotations = {} } = check('index', indexSchema, value);
    return { kind: 'index', manifests: manifests as readonly PlatformDescriptor[], annotations };
  }
  if (!MANIFEST_TYPES.has(type))
    throw invalid(
      'manifest',
      `its media type is ${JSON.stringify(type.slice(0, 200))}; only OCI images and Docker's schema 2 can be used`,
    );
  const manifest = { ...check('manifest', manifestSchema, value), mediaType: type } as Manifest;
  if (!CONFIG_TYPES.has(manifest.config.mediaType))
    throw invalid(
      'manifest',
      `it is no image: its configuration is a ${manifest.config.mediaType.slice(0, 200)}`,
    );
  const strange = manifest.layers.find((layer) => !LAYER_TYPES.has(layer.mediaType));
  if (strange !== undefined)
    throw invalid(
      'manifest',
      `a layer is a ${strange.mediaType.slice(0, 200)}, which cannot be unpacked here`,
    );
  return { kind: 'image', manifest };
}

/** An image's configuration (image-spec, config.md). What Docker writes as null is absent here. Throws `manifest-invalid`. */
export function parseConfig(data: Uint8Array): ImageConfig {
  return check(
    'configuration',
    configSchema,
    withoutNulls(parseDocument('configuration', data), 3),
  ) as ImageConfig;
}

/** Throws `manifest-invalid` for what is too large or no JSON object. */
export function parseDocument(what: string, data: Uint8Array): Record<string, unknown> {
  if (data.length > LARGEST_DOCUMENT) throw invalid(what, `it is larger than ${LARGEST_DOCUMENT} bytes`);
  let value: unknown;
  try {
    value = parseBoundedJson(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch (error) {
    throw invalid(what, `it is not valid JSON (${messageOf(error)})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(what, 'it is no JSON object');
  return value as Record<string, unknown>;
}

/** Checks a parsed document. Throws `manifest-invalid` naming the first field that is wrong. */
export function check<const Schema extends v.GenericSchema>(
  what: string,
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw invalid(what, `${v.getDotPath(issue) ?? 'the document'}: ${issue.message}`.slice(0, 500));
}

export function invalid(what: string, why: string): HullError {
  return new HullError('manifest-invalid', `invalid image ${what}: ${why}`);
}

/** Own word, the server's, or what its fields show (image-spec, "mediaType": should be set, often is not). */
function typeOf(value: Readonly<Record<string, unknown>>, mediaType: string): string {
  const own = value['mediaType'];
  if (typeof own === 'string' && own !== '') return own;
  const served = mediaType.split(';')[0]?.trim() ?? '';
  if (INDEX_TYPES.has(served) || MANIFEST_TYPES.has(served)) return served;
  if ('manifests' in value) return 'application/vnd.oci.image.index.v1+json';
  return 'layers' in value && 'config' in value ? MANIFEST_TYPE : served;
}

function withoutNulls(value: unknown, depth: number): unknown {
  if (depth < 0 || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner, depth - 1)]),
  );
}
