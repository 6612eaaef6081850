/**
 * Story files from a file or a folder, checked, with problems in words.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Story, storySchema } from './story.ts';

/** A story can not be used; the message names the file, the place and the reason. */
export class StoryError extends Error {}

/** Where our questionnaires are published; stories written elsewhere carry a placeholder base. */
const QUESTIONNAIRES = 'https://cramp-cds.org/fhir/Questionnaire/';
const PLACEHOLDER = /^https?:\/\/(?:[\w-]+\.)*example\.(?:org|com)\/(?:[\w-]+\/)*Questionnaire\//;

/** The stories of one file, or of all `*.json` files of a folder in the order of their names. @throws StoryError */
export function readStories(path: string): Story[] {
  const files = filesOf(path);
  if (files.length === 0) throw new StoryError(`${path} holds no story: no *.json file`);
  return files.map(readStory);
}

/** @throws StoryError */
export function readStory(file: string): Story {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'), withOwnQuestionnaire);
  } catch (error) {
    throw new StoryError(`${file} is not JSON: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
  const parsed = storySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [];
    const reason = keys.length > 0 ? `no member of a story is called ${keys.join(', ')}` : issue.message;
    const place = issue.path.map(String).join('.');
    return place === '' ? reason : `${place}: ${reason}`;
  });
  throw new StoryError(`${basename(file)} is no story:\n  ${problems.join('\n  ')}`);
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
  } catch {
    throw new StoryError(`there is no file or folder called ${path}`);
  }
  return readdirSync(path)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(path, name));
}

function withOwnQuestionnaire(key: string, value: unknown): unknown {
  return key === 'questionnaire' && typeof value === 'string'
    ? value.replace(PLACEHOLDER, QUESTIONNAIRES)
    : value;
}
