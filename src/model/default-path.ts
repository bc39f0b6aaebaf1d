/** Where programs are looked for when nobody says otherwise (moby, oci/defaults.go): inside instances, and by the engine's own helpers. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
