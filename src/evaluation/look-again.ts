/**
 * Makes patients due whose time has come although nothing was pushed.
 */
import { takeLooksDue } from '../store/look-again.ts';
import { dueKey, type Store } from '../store/store.ts';

const MOST = 500; // patients in one commit

/** @returns how many patients were made due */
export async function lookAgain(store: Store, now: Date): Promise<number> {
  const patients = await store.transaction(async (trx) => {
    const taken = await takeLooksDue(trx, now, MOST);
    const marks = taken.map((data) => ({ key: dueKey(data), data, afterMs: 0 }));
    if (marks.length > 0) await store.due.mark(trx, marks);
    return taken.length;
  });
  return patients === MOST ? patients + (await lookAgain(store, now)) : patients;
}
