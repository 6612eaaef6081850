/**
 * The bad days of a hospital server, on demand.
 *
 * Why: a test says which requests fail and how, and what happens to notifications on their way.
 */

/**
 * `no-answer`: the connection stays open and silent. `answer-lost`: the work is done, then the
 * connection breaks. `cut`: it breaks before. `html`: 200 with a login page, as a proxy sends it.
 */
export type FaultAnswer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | 'no-answer'
  | 'answer-lost'
  | 'cut'
  | 'html';

export interface RequestFault {
  /** Any method when it is absent. */
  readonly method?: string;
  /** Matched against path and query below the FHIR base, such as `/Patient/p1` or `/Observation?patient=p1`. */
  readonly path: RegExp;
  readonly answer: FaultAnswer;
  /** How many matching requests meet it; once when absent. */
  readonly times?: number;
}

/** What happens to notifications from now on. */
export interface DeliveryFaults {
  /** How often each one is sent; 2 sends everything twice. */
  copies: number;
  /** How many of the next ones vanish. */
  drop: number;
  /** Waited before each one, in milliseconds. */
  delayMs: number;
  /** Of those that wait, the newest goes first. */
  reversed: boolean;
  /** None is sent; they wait. */
  held: boolean;
}

const NO_DELIVERY_FAULT: DeliveryFaults = { copies: 1, drop: 0, delayMs: 0, reversed: false, held: false };

export class Faults {
  readonly #released: () => void;
  #requests: { fault: RequestFault; left: number }[] = [];
  #deliveries: DeliveryFaults = { ...NO_DELIVERY_FAULT };

  /** @param released called when notifications may no longer be held. */
  constructor(released: () => void) {
    this.#released = released;
  }

  /** Lets the next matching requests fail; of several faults that match, the first set comes first. */
  onRequest(fault: RequestFault): void {
    this.#requests.push({ fault, left: fault.times ?? 1 });
  }

  /** Changes what happens to notifications; what is not named stays as it was. */
  onDeliveries(change: Partial<DeliveryFaults>): void {
    this.#deliveries = { ...this.#deliveries, ...change };
    if (!this.#deliveries.held) this.#released();
  }

  /** Everything works again; notifications that were held are sent. */
  clear(): void {
    this.#requests = [];
    this.onDeliveries(NO_DELIVERY_FAULT);
  }

  /** What the server must do instead, if a fault waits for this request. It counts as met. */
  meet(method: string, path: string): FaultAnswer | undefined {
    const waiting = this.#requests.find(
      ({ fault, left }) => left > 0 && (fault.method ?? method) === method && fault.path.test(path),
    );
    if (waiting === undefined) return undefined;
    waiting.left -= 1;
    return waiting.fault.answer;
  }

  get deliveries(): Readonly<DeliveryFaults> {
    return this.#deliveries;
  }

  /** Whether the notification at hand is to vanish. It counts as gone. */
  dropsNext(): boolean {
    if (this.#deliveries.drop <= 0) return false;
    this.#deliveries.drop -= 1;
    return true;
  }
}
