// Shared by the Node client programs: the protocol of `recording.py`, for SDKs that call `fetch`.

import { createHash } from "node:crypto";

/** Hears every answer that an SDK's `fetch` receives, retries included. */
export class Witness {
  answers = [];

  fetch = async (url, init) => {
    const response = await fetch(url, init);
    // SDKs find out by such a call to nobody whether a fetch can send forms.
    if (!String(url).startsWith("data:")) this.answers.push({ status: response.status, headers: [...response.headers] });
    return response;
  };
}

/** What a caller learns from an exception. */
function failure(error) {
  const learnt = { raised: error.constructor.name, message: String(error.message) };
  for (const name of ["status", "code", "type", "requestID"]) {
    if (error[name] !== undefined && error[name] !== null) learnt[name] = error[name];
  }
  return learnt;
}

/** A stream's events, and how it ended. */
export async function drained(opening) {
  const events = [];
  try {
    for await (const event of await opening) events.push(event);
  } catch (error) {
    return { events, ...failure(error) };
  }
  return { events };
}

export const sha256 = (bytes) => createHash("sha256").update(Buffer.from(bytes)).digest("hex");

/** Run all scenarios against each base URL of the command line, one after the other. */
export async function play(scenariosOf) {
  for (const [run, baseUrl] of process.argv.slice(2).entries()) {
    const witness = new Witness();
    for (const [scenario, act] of Object.entries(scenariosOf(baseUrl, witness))) {
      witness.answers = [];
      const began = performance.now();
      let result;
      try {
        result = await act();
      } catch (error) {
        result = failure(error);
      }
      const seconds = (performance.now() - began) / 1000;
      console.log(JSON.stringify({ run, scenario, result, answers: witness.answers, seconds }));
    }
  }
  // An abandoned stream's socket would keep the process for its keep-alive time.
  process.exit(0);
}
