import type { HostLimits } from '../../host/host-limits.ts';
import { HullError } from '../../model/errors.ts';
import { capabilitiesOf, capabilityName } from '../../runtime/capabilities.ts';
import { readSecurity } from '../../runtime/security-options.ts';
import type { IsolationTraits } from '../../runtime/traits.ts';
import type { CreateInstance } from '../api.ts';

type Host = Pick<HostLimits, 'appArmor' | 'seccomp' | 'capabilities'>;

/**
 * What of the security that was asked for this host or isolation does not give, as warnings. Pure. Throws `invalid-argument` in Docker's words for a
 * profile of system calls that no kernel would look at.
 */
export function securityWarnings(
  request: CreateInstance,
  host: Host,
  { isolation, ownCapabilities, refuses }: Pick<IsolationTraits, 'isolation' | 'ownCapabilities' | 'refuses'>,
): readonly string[] {
  const { appArmor, labels, seccomp } = readSecurity(request.options?.securityOpt);
  if (typeof seccomp === 'string' && !host.seccomp)
    throw new HullError(
      'invalid-argument',
      'seccomp is not enabled in your kernel, cannot run a custom seccomp profile',
    );
  const warnings: string[] = [];
  if (appArmor !== undefined && appArmor !== 'unconfined') {
    if (refuses.filters)
      warnings.push(
        `The profile ${appArmor} of AppArmor discarded: it confines nothing inside a ${isolation}.`,
      );
    else if (!host.appArmor)
      warnings.push(`AppArmor is not enabled on this host. The profile ${appArmor} discarded.`);
  }
  const effective = labels.filter((label) => label !== 'disable');
  if (effective.length > 0)
    warnings.push(
      `SELinux labels are not set by this engine. label=${effective.join(', label=')} discarded.`,
    );
  if (!ownCapabilities) warnings.push(...missingCapabilities(request.capAdd ?? [], host));
  return warnings;
}

function missingCapabilities(capAdd: readonly string[], host: Host): string[] {
  const held = capabilitiesOf(host.capabilities);
  const missing = capAdd.map(capabilityName).filter((name) => name !== 'ALL' && !held.has(name));
  return missing.map((name) => `The engine lacks ${name}, and cannot add it. ${name} discarded.`);
}
