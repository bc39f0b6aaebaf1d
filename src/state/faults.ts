import { getDotPath, type BaseIssue } from 'valibot';

/** The first thing that is wrong with a value that was read back, in one line: where, and what is there instead. */
export function faultOf(issues: readonly [BaseIssue<unknown>, ...BaseIssue<unknown>[]]): string {
  const [issue] = issues;
  const path = getDotPath(issue);
  return `${path === null ? '' : `${path}: `}${issue.message}`.slice(0, 300);
}
