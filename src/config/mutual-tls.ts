/**
 * The part of the configuration for pushes over mutual TLS that reach us without a proxy.
 */
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { SecretSource } from '../connections/secret-source.ts';
import type { MutualTls } from '../intake/push-port.ts';
import { Url } from './ingress.ts';

export const MutualTlsFile = z.strictObject({
  port: z.int().min(0).max(65_535),
  publicUrl: Url,
  certificateFrom: SecretSource,
  keyFrom: SecretSource,
  clientAuthorityFrom: SecretSource,
});

/** @param secretAt what is kept at a source; tells a problem with the given setting when there is nothing */
export function mutualTlsOf(
  file: z.infer<typeof MutualTlsFile> | undefined,
  secretAt: (source: string, at: string) => string,
  problems: string[],
): MutualTls | undefined {
  if (file === undefined) return undefined;
  const kept = (name: 'certificateFrom' | 'keyFrom' | 'clientAuthorityFrom') =>
    secretAt(file[name], `mutualTls.${name}`);
  const [certificate, key, clientAuthority] = [
    kept('certificateFrom'),
    kept('keyFrom'),
    kept('clientAuthorityFrom'),
  ];
  if (
    certificate !== '' &&
    key !== '' &&
    clientAuthority !== '' &&
    !isUsable(certificate, key, clientAuthority)
  )
    problems.push(
      'mutualTls: certificate, key and authority are not PEM, or the key is not the certificate’s',
    );
  const publicUrl = file.publicUrl.replace(/\/+$/, '');
  return { port: file.port, publicUrl, certificate, key, clientAuthority };
}

function isUsable(cert: string, key: string, ca: string): boolean {
  try {
    createSecureContext({ cert, key, ca });
    return /-----BEGIN CERTIFICATE-----/.test(ca);
  } catch {
    return false;
  }
}
