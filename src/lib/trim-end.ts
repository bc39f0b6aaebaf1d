/**
 * The text without these characters at its end. An expression such as `/ +$/` tries anew at each of them, wherever they stand: for text from
 * outside that is quadratic.
 */
export function trimEndOf(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
