/** What a client says about itself to a registry. All of it optional; an empty object is nobody. */
export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  /** The registry that they are for, where the client says it. */
  readonly serverAddress?: string;
  /** A refresh token, instead of a password. */
  readonly identityToken?: string;
  /** A bearer token that is sent to the registry as it is. */
  readonly registryToken?: string;
}
