import { HullError } from '../../model/errors.ts';
import { resourceWarnings } from './create-resources.ts';
import type { CreateBody, HostConfigBody } from './create-schema.ts';

/** What Docker's create request may ask and no instance of this engine can have. Throws naming the field; returns warnings for mere hints. */
export function checkUnsupported(body: CreateBody): readonly string[] {
  const host: HostConfigBody = body.HostConfig ?? {};
  checkDeviceRequests(host);
  if ((host.Cgroup ?? '') !== '') throw refused('HostConfig.Cgroup');
  if ((host.IOMaximumBandwidth ?? 0) !== 0 || (host.IOMaximumIOps ?? 0) !== 0) {
    throw new HullError(
      'invalid-argument',
      'Invalid QoS settings: linux does not support Maximum IO Bandwidth or Maximum IO IOps',
    );
  }
  return resourceWarnings(host);
}

/** Docker's words where no driver for such devices is installed. */
function checkDeviceRequests(host: HostConfigBody): void {
  const [request] = host.DeviceRequests ?? [];
  if (request === undefined) return;
  const capabilities = JSON.stringify(request.Capabilities ?? []);
  throw new HullError(
    'not-supported',
    `could not select device driver "${request.Driver ?? ''}" with capabilities: ${capabilities.replaceAll('"', '').replaceAll(',', ' ')}: HostConfig.DeviceRequests needs a driver for GPUs, which this engine has none of; name devices with HostConfig.Devices`,
  );
}

function refused(field: string): HullError {
  return new HullError('not-supported', `${field} is not supported; leave it out`, { details: { field } });
}
