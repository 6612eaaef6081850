/**
 * The resources of the sandbox, with all their versions, kept as a real server would keep them.
 *
 * Why: the repository underneath forgets what was deleted, shuffles history, stores anything, lets
 * every client choose ids and never undoes a failed transaction. Search and matching are its own.
 *
 * One piece of work at a time (`inTurn`): everything is in memory, so nothing is lost by it, and
 * transactions and conditional writes become serialisable.
 */
import { randomUUID } from 'node:crypto';
import {
  badRequest,
  gone,
  isCreated,
  notFound,
  OperationOutcomeError,
  type SearchRequest,
  validateResource,
  type WithId,
} from '@medplum/core';
import {
  type CreateResourceOptions,
  type DeleteResourceOptions,
  MemoryRepository,
  type SearchOptions,
  type UpdateResourceOptions,
} from '@medplum/fhir-router';
import type { Bundle, OperationOutcome, Resource } from '@medplum/fhirtypes';
import { isFhirId } from '../vocabulary/ids.ts';
import { historyOf } from './history.ts';
import { pageOf, requestedPage } from './paging.ts';
import type { Change, Version } from './version.ts';

export interface StoreParts {
  readonly base: string;
  readonly clientIds: 'allowed' | 'refused';
  readonly now: () => Date;
  /** Makes a commit durable; a throw undoes it. */
  readonly write: (versions: readonly Version[]) => void;
  /** Told after each commit, in order. */
  readonly tell: (changes: readonly Change[], notify: boolean) => void;
}

export class Store extends MemoryRepository {
  readonly #parts: StoreParts;
  readonly #versions = new Map<string, Version[]>(); // by Type/id, oldest first
  #transaction: Change[] | undefined;
  #notify = true;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: StoreParts) {
    super();
    this.#parts = parts;
  }

  /** Runs the work when all earlier work is done. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** Takes back a version that a journal held, without writing or telling it again. */
  async restore(version: Version): Promise<void> {
    this.#versionsOf(version).push(version);
    await this.#hold(version, version.resource);
  }

  /** Stores resources under the ids they bring, in one commit, whatever clients may do. */
  async load(resources: readonly Resource[], { notify = true } = {}): Promise<void> {
    this.#notify = notify;
    try {
      await this.withTransaction(async () => {
        for (const resource of resources) await this.createResource(resource, { assignedId: true }, true);
      });
    } finally {
      this.#notify = true;
    }
  }

  /** Was this id ever used? Deleted ones were. */
  knows(type: string, id: string): boolean {
    return this.#versions.has(`${type}/${id}`);
  }

  holds(type: string, id: string): boolean {
    return this.current(type, id) !== undefined;
  }

  current(type: string, id: string): Version | undefined {
    const last = this.#versions.get(`${type}/${id}`)?.at(-1);
    return last?.resource === undefined ? undefined : last;
  }

  /** Did this version bring the resource into being, or back? */
  isFirst({ resourceType, id, meta }: WithId<Resource>): boolean {
    const versions = this.#versions.get(`${resourceType}/${id}`) ?? [];
    const at = versions.findIndex((version) => version.versionId === meta?.versionId);
    return at >= 0 && versions[at - 1]?.resource === undefined;
  }

  override async createResource<T extends Resource>(
    resource: T,
    options?: CreateResourceOptions,
    update = false,
  ): Promise<WithId<T>> {
    const keepsId = update || options?.assignedId === true;
    const stamped = this.#stamped(resource, keepsId);
    const stored = await this.withSeeding(() => super.createResource(stamped, options, update));
    await this.#recordStored(stored, update ? 'PUT' : 'POST');
    return stored;
  }

  override async updateResource<T extends Resource>(
    resource: T,
    options?: UpdateResourceOptions,
  ): Promise<WithId<T>> {
    const { resourceType, id } = resource;
    if (!isFhirId(id)) throw new OperationOutcomeError(badRequest('The id is not a FHIR id.'));
    const mayBeNew = this.#parts.clientIds === 'allowed' && options?.ifMatch === undefined;
    if (!mayBeNew && !this.holds(resourceType, id)) this.#throwAbsent(resourceType, id);
    return super.updateResource(resource, options);
  }

  override async conditionalCreate<T extends Resource>(
    resource: T,
    search: SearchRequest<T>,
    options?: CreateResourceOptions,
  ): Promise<{ resource: WithId<T>; outcome: OperationOutcome }> {
    const stamped = this.#stamped(resource, options?.assignedId === true);
    const answer = await this.withSeeding(() => super.conditionalCreate(stamped, search, options));
    if (isCreated(answer.outcome)) await this.#recordStored(answer.resource, 'POST');
    return answer;
  }

  /** Deleting what is already deleted is no error and no new version. */
  override async deleteResource(type: string, id: string, options?: DeleteResourceOptions): Promise<void> {
    const last = this.current(type, id)?.resource;
    if (last === undefined) {
      if (this.knows(type, id)) return;
      throw new OperationOutcomeError(notFound);
    }
    await super.deleteResource(type, id, options);
    const version: Version = { type: last.resourceType, id, ...this.#newVersion(), method: 'DELETE' };
    await this.#record({ interaction: 'delete', resource: last, previous: last, version });
  }

  override async readResource<T extends Resource>(type: string, id: string): Promise<T> {
    if (!this.holds(type, id)) this.#throwAbsent(type, id);
    return super.readResource<T>(type, id);
  }

  override async readVersion<T extends Resource>(type: string, id: string, versionId: string): Promise<T> {
    const found = this.#versions.get(`${type}/${id}`)?.find((version) => version.versionId === versionId);
    if (found === undefined) throw new OperationOutcomeError(notFound);
    if (found.resource === undefined) throw new OperationOutcomeError(gone);
    return structuredClone(found.resource) as Resource as T;
  }

  override async readHistory<T extends Resource>(type: string, id: string): Promise<Bundle<T>> {
    const versions = this.#versions.get(`${type}/${id}`);
    if (versions === undefined) throw new OperationOutcomeError(notFound);
    return historyOf(versions, this.#parts.base) as Bundle<T>;
  }

  /** Every version of a type since a time, newest first, deletions included. */
  typeHistory(type: string, since: Date): Bundle {
    const versions = [...this.#versions.values()].flat().filter((version) => version.type === type);
    const wanted = versions.filter(({ lastUpdated }) => new Date(lastUpdated) >= since);
    const sorted = wanted.sort((a, b) => (a.lastUpdated < b.lastUpdated ? -1 : 1));
    return historyOf(sorted, this.#parts.base);
  }

  override async search<T extends Resource>(
    search: SearchRequest<T>,
    options?: SearchOptions,
  ): Promise<Bundle<WithId<T>>> {
    if (options?.resourceOnly === true) return super.search(search);
    const page = requestedPage(search);
    return pageOf(await super.search(page), page, this.#parts.base);
  }

  /** All or nothing: what the callback wrote is undone, and never told, when it throws. */
  override async withTransaction<R>(callback: (store: this) => Promise<R>): Promise<R> {
    if (this.#transaction !== undefined) return callback(this); // part of a larger one
    const changes: Change[] = [];
    this.#transaction = changes;
    try {
      const result = await callback(this);
      this.#commit(changes);
      return result;
    } catch (error) {
      await this.#undo(changes);
      throw error;
    } finally {
      this.#transaction = undefined;
    }
  }

  async #recordStored(resource: WithId<Resource>, method: 'POST' | 'PUT'): Promise<void> {
    const { resourceType: type, id, meta } = resource;
    const { versionId = '', lastUpdated = '' } = meta ?? {};
    const version: Version = { type, id, versionId, lastUpdated, method, resource };
    const previous = this.current(type, id)?.resource;
    if (previous === undefined) await this.#record({ interaction: 'create', resource, version });
    else await this.#record({ interaction: 'update', resource, previous, version });
  }

  async #record(change: Change): Promise<void> {
    this.#versionsOf(change.version).push(change.version);
    if (this.#transaction !== undefined) this.#transaction.push(change);
    else await this.#commitOne(change);
  }

  async #commitOne(change: Change): Promise<void> {
    try {
      this.#commit([change]);
    } catch (error) {
      await this.#undo([change]);
      throw error;
    }
  }

  #commit(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    this.#parts.write(changes.map((change) => change.version));
    this.#parts.tell(changes, this.#notify);
  }

  async #undo(changes: readonly Change[]): Promise<void> {
    for (const { version, previous } of changes.toReversed()) {
      const versions = this.#versionsOf(version);
      versions.pop();
      if (versions.length === 0) this.#versions.delete(`${version.type}/${version.id}`);
      await this.#hold(version, previous);
    }
  }

  /** Makes the repository underneath hold this resource, or none, under the id; no version is made. */
  async #hold({ type, id }: Version, resource: WithId<Resource> | undefined): Promise<void> {
    if (resource === undefined) return super.expungeResource(type, id);
    await this.withSeeding(() => super.createResource(resource, undefined, true));
  }

  #versionsOf({ type, id }: Version): Version[] {
    const key = `${type}/${id}`;
    const versions = this.#versions.get(key) ?? [];
    this.#versions.set(key, versions);
    return versions;
  }

  #newVersion(): { versionId: string; lastUpdated: string } {
    return { versionId: randomUUID(), lastUpdated: this.#parts.now().toISOString() };
  }

  /** The resource as it will be stored, once it proved valid. A create ignores the id a client sent. */
  #stamped<T extends Resource>(resource: T, keepsId: boolean): T {
    validateResource(resource);
    const stamped = structuredClone(resource);
    stamped.meta = { ...stamped.meta, ...this.#newVersion() };
    if (!keepsId) delete stamped.id;
    return stamped;
  }

  #throwAbsent(type: string, id: string): never {
    throw new OperationOutcomeError(this.knows(type, id) ? gone : notFound);
  }
}
