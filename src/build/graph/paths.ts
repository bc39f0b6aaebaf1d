/** Resolves `.`, `..` and double slashes of a path in an image, textually; the result is absolute and never above `/`. A slash at the end is kept. */
export function absolutePath(path: string, cwd: string): string {
  const whole = path.startsWith('/') ? path : `${cwd}/${path}`;
  const names: string[] = [];
  for (const name of whole.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  const folder = names.length > 0 && (path.endsWith('/') || path.endsWith('/.') || path === '.') ? '/' : '';
  return `/${names.join('/')}${folder}`;
}
