/**
 * Makes patients due whose time has come although nothing was pushed.
 */
import { takeLooksDue } from '../store/look-again.ts';
import { dueNow, type Store } from '../store/store.ts';

const MOST = 500; // patients in one commit

/** @returns how many patients were made due */
export async function lookAgain(store: Store, now: Date): Promise<number> {
  const patients = await store.transaction(async (trx) => {
    const taken = await takeLooksDue(trx, now, MOST);
    await store.due.mark(trx, taken.map(dueNow));
    return taken.length;
  });
  return patients === MOST ? patients + (await lookAgain(store, now)) : patients;
}
