import { inspectCommandOf } from './inspect.ts';

export const command = inspectCommandOf(
  'network',
  "hull network inspect -f '{{range .IPAM.Config}}{{.Subnet}}{{end}}' backend",
);
