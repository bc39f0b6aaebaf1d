/** Programs that the build puts into the executable: the import is their path, inside it or in the checkout. */
declare module '*/dist/guest/hull-guest' {
  const path: string;
  export default path;
}
declare module '*/dist/guest/hull-recorder' {
  const path: string;
  export default path;
}
declare module '*/dist/guest/hull-jail' {
  const path: string;
  export default path;
}
declare module '*/dist/guest/hull-measure' {
  const path: string;
  export default path;
}
