/** Text of a guest's, fit for a terminal, a log line and an error message: no control characters. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}
