/**
 * The service's own Device, author of all it writes.
 */
import type { Device, Reference } from '@medplum/fhirtypes';
import type { WriteLevel } from '../connections/capability.ts';
import type { Gate } from '../connections/gate.ts';
import { deviceIdentityOf } from './identity.ts';
import { DEVICE_NAME, deviceSystem } from './service.ts';

export function device(serviceUri: string): Device {
  return {
    resourceType: 'Device',
    meta: { source: serviceUri },
    identifier: [{ system: deviceSystem(serviceUri), value: deviceIdentityOf(serviceUri) }],
    status: 'active',
    deviceName: [{ name: DEVICE_NAME, type: 'user-friendly-name' }],
    type: { text: 'Clinical decision support software' },
    url: serviceUri.startsWith('http') ? serviceUri : `urn:cramp-cds`,
  };
}

/** The author where a target holds no Device of ours: named, not pointed at. */
export function logicalAuthor(serviceUri: string): Reference<Device> {
  const [identifier] = device(serviceUri).identifier ?? [];
  return { type: 'Device', ...(identifier === undefined ? {} : { identifier }), display: DEVICE_NAME };
}

/**
 * Makes sure that the target holds our Device, once for each start and connection.
 *
 * @returns the author for all that follows; a logical one when the Device can not be stored or found now.
 *   Servers that check references refuse a literal reference to a Device that they do not have.
 */
export async function ensureDevice(
  gate: Gate,
  level: WriteLevel,
  serviceUri: string,
): Promise<Reference<Device>> {
  if (level === 'D') return logicalAuthor(serviceUri);
  const id = await foundOrMade(gate, level, device(serviceUri), deviceIdentityOf(serviceUri));
  return id === undefined ? logicalAuthor(serviceUri) : { reference: `Device/${id}`, display: DEVICE_NAME };
}

async function foundOrMade(
  gate: Gate,
  level: WriteLevel,
  own: Device,
  id: string,
): Promise<string | undefined> {
  const [identifier] = own.identifier ?? [];
  if (identifier === undefined) return undefined;
  if (level === 'A') {
    const read = await gate.read('Device', id);
    if (read.outcome === 'found') return id;
    return read.outcome === 'gone' && (await gate.put({ ...own, id })).outcome === 'written' ? id : undefined;
  }
  const search = () => gate.searchAll('Device', { identifier: `${identifier.system}|${identifier.value}` });
  const found = ownDevice(await search(), identifier.value);
  if (found !== undefined) return found;
  await (level === 'B' ? gate.createIfNone(own, identifier) : gate.create(own));
  return ownDevice(await search(), identifier.value); // also finds it after a lost answer
}

function ownDevice(
  found: Awaited<ReturnType<Gate['searchAll']>>,
  value: string | undefined,
): string | undefined {
  if (found.outcome !== 'found') return undefined;
  const own = found.resource.filter(
    (one) => one.resourceType === 'Device' && one.identifier?.some((id) => id.value === value),
  );
  return own.flatMap(({ id }) => (id === undefined ? [] : [id])).sort()[0];
}
