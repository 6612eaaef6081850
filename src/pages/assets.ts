/**
 * Style sheets, scripts and the mark: a closed list of our own files, from no other host.
 */
import { readFileSync } from 'node:fs';
import { Router } from 'express';

const TYPES = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' } as const;

/** Files of a part that are served under `/assets`, by the address of the part's folder. */
export interface Assets {
  readonly folder: URL;
  readonly files: readonly `${string}.${keyof typeof TYPES}`[];
}

const SHELL: Assets = { folder: new URL('.', import.meta.url), files: ['style.css', 'mark.svg'] };

/** Serves the shell's files and those of other parts; browsers ask again by ETag. */
export function assets(...others: readonly Assets[]): Router {
  const router = Router();
  for (const { folder, files } of [SHELL, ...others])
    for (const file of files) {
      const body = readFileSync(new URL(file, folder));
      const type = TYPES[file.split('.').at(-1) as keyof typeof TYPES];
      router.get(`/${file}`, (_req, res) => void res.set('Cache-Control', 'no-cache').type(type).send(body));
    }
  return router;
}
