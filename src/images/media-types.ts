/** Media types of OCI (image-spec, media-types.md) and of Docker's schema 2 (distribution, spec/manifest-v2-2.md), which mean the same. */
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const DOCKER_MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';
const DOCKER_LIST_TYPE = 'application/vnd.docker.distribution.manifest.list.v2+json';

export const MANIFEST_TYPES: ReadonlySet<string> = new Set([MANIFEST_TYPE, DOCKER_MANIFEST_TYPE]);
export const INDEX_TYPES: ReadonlySet<string> = new Set([INDEX_TYPE, DOCKER_LIST_TYPE]);
export const CONFIG_TYPES: ReadonlySet<string> = new Set([
  CONFIG_TYPE,
  'application/vnd.docker.container.image.v1+json',
]);

/** Layers that hold everything themselves; foreign ones, to be fetched from somewhere else, are refused. */
export const LAYER_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/vnd.docker.image.rootfs.diff.tar',
  'application/vnd.docker.image.rootfs.diff.tar.gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd',
]);
