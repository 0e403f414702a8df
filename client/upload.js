/**
 * Sends a picture to an Upload workflow and tells how it ended.
 *
 * For browsers (Chrome and Edge from 86, Firefox from 78, Safari from 14 on) and Node.js from 20 on. Knows the upload
 * API, the storage's answers and the status document (docs/client.md); believes nothing that comes from between.
 */
/** The API takes no such upload, or not from this caller, or is not there. The message is for people; asking again changes nothing. */
export class Refused extends Error {
    constructor() {
        super(...arguments);
        this.name = "Refused";
    }
}
// Seconds before each try: lines break and servers stumble.
const PAUSES = [0, 1, 2, 4, 8, 8, 8, 8];
// Seconds that a server may be silent, and the line while it takes a file: what the browser has handed to it may still
// be on its way. Each try has its own; how long a whole file takes is nobody's business.
const SILENCE = 20;
const SILENCE_SENDING = 60;
// In UTF-8: the API keeps 1536 bytes of a percent-encoded name, and a byte takes up to three.
const NAME_BYTES = 512;
// What a file is, by its first bytes: names and browsers often say nothing or something else.
const SIGNATURES = [
    ["image/jpeg", /^\xff\xd8\xff/],
    ["image/png", /^\x89PNG/],
    ["image/gif", /^GIF8/],
    ["image/webp", /^RIFF....WEBP/s],
    ["image/bmp", /^BM/],
    ["image/tiff", /^(II[*+]\0|MM\0[*+])/],
    ["image/avif", /^....ftypavi[fs]/s],
    ["image/heic", /^....ftyphe(ic|ix|im|is|vc|vx)/s],
    ["image/heif", /^....ftypm(if|sf)1/s],
];
// What the storage says of a signature that is too old.
const OUT_OF_DATE = /<Code>.*expired/is;
// What it says of a ticket, or of bytes that are not those of the ticket; but a line may be too slow for it.
const TICKET_REFUSED = /<Code>(?!RequestTimeout)/;
/**
 * Uploads a file and resolves with its status document at its end: SUCCEEDED, REJECTED or FAILED.
 *
 * api: the module's output upload_api.url, or a path of your backend that answers the same. Rejects with Refused,
 * with an AbortError, or with an Error if the file or the answer does not get through.
 */
export async function upload(api, file, options = {}) {
    let issued = await issue(api, file, options);
    for (const pause of PAUSES) {
        await sleep(pause, options.signal);
        const sent = await send(issued, file, options);
        // 200 without a word from the storage; 412: it is there already, an answer was lost.
        if (sent.status === 412 || (sent.status === 200 && !sent.text)) {
            options.onProgress?.(file.size, file.size);
            return follow(issued, options);
        }
        if (sent.status === 0)
            await beginning(file);
        // It has expired, or does not fit: only another ticket would do.
        if ([400, 403].includes(sent.status) && TICKET_REFUSED.test(sent.text))
            issued = await issue(api, file, options);
    }
    throw new Error("The upload does not get through.");
}
/** Asks for a ticket for this file; for whoever sends it otherwise. Rejects as upload() does. */
export async function issue(api, file, options = {}) {
    const { token, metadata, signal } = options;
    const head = String.fromCharCode(...(await beginning(file)));
    const type = SIGNATURES.find(([, signature]) => signature.test(head))?.[0] ?? file.type;
    const wish = { method: "PUT", content_type: type, bytes: file.size, original_name: told(file.name), metadata };
    const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const request = { method: "POST", headers, body: JSON.stringify(wish) };
    for (const pause of PAUSES) {
        await sleep(pause, signal);
        const answer = await ask(`${api.replace(/\/$/, "")}/uploads`, request, signal);
        const told = json(answer.text);
        // Only the API tells a detail: whatever else comes, comes from something between.
        if (told.detail)
            throw new Refused(told.detail);
        if ([401, 403].includes(answer.status) && told.message) {
            throw new Refused("The API wants an access token, or another one.");
        }
        if (answer.status === 404 && told.message)
            throw new Refused("There is no upload API at this address.");
        if (told.status_url)
            return told;
    }
    throw new Error("The upload does not get through.");
}
/** Resolves with the status document at its end; also for what an earlier visit has kept of issue()'s answer. */
export async function follow(issued, { onState, signal } = {}) {
    let pause = issued.poll_after_seconds ?? 0;
    for (let tries = 0; tries < 120; tries++) {
        await sleep(pause, signal);
        pause = Math.min(Math.max(pause * 1.5, 1), 10);
        // The state decides. Anything else, whatever the HTTP status, means "not yet".
        const answer = await ask(issued.status_url, {}, signal);
        if (OUT_OF_DATE.test(answer.text))
            throw new Error("The link to the result has expired.");
        const status = json(answer.text);
        if (!status.state)
            continue;
        onState?.(status.state);
        if (status.state !== "PENDING" && status.state !== "RUNNING")
            return status;
    }
    throw new Error("The picture is not ready.");
}
/** Rejects if the file is gone, or another by now: browsers say of sending it only that it failed. */
async function beginning(file) {
    try {
        return new Uint8Array(await file.slice(0, 16).arrayBuffer());
    }
    catch {
        throw new Error("The file cannot be read any more.");
    }
}
/** The name as the API takes it; undefined if there is none. */
function told(name = "") {
    const bytes = new TextEncoder().encode(name);
    const cut = new TextDecoder().decode(bytes.slice(0, NAME_BYTES));
    return (bytes.length > NAME_BYTES ? cut.replace(/\ufffd+$/, "") : cut) || undefined; // half a character
}
function send({ upload: ticket }, file, { onProgress, signal }) {
    const { method, url, headers } = ticket;
    // Node.js notices by itself, within five minutes, that a line takes nothing or a server says nothing.
    if (typeof XMLHttpRequest === "undefined") {
        return whole(url, { method, headers, body: file, signal: signal ?? null }, signal);
    }
    return new Promise((answered, failed) => {
        const request = new XMLHttpRequest(); // fetch() reports no progress of what it sends
        const abort = () => request.abort();
        let timer = 0;
        const wait = () => {
            clearTimeout(timer);
            timer = setTimeout(abort, SILENCE_SENDING * 1000);
        };
        request.upload.onprogress = ({ loaded, total }) => {
            wait();
            onProgress?.(loaded, total);
        };
        request.onloadend = () => {
            clearTimeout(timer);
            signal?.removeEventListener("abort", abort);
            if (signal?.aborted)
                failed(aborted());
            else
                answered({ status: request.status, text: request.responseText });
        };
        request.open(method, url);
        for (const [name, value] of Object.entries(headers))
            request.setRequestHeader(name, value);
        signal?.addEventListener("abort", abort);
        wait();
        request.send(file);
    });
}
/** One small request; status 0 if there was no whole answer in time. */
async function ask(url, request, signal) {
    const aborter = new AbortController(); // AbortSignal.any() and timeout() are too young
    const abort = () => aborter.abort();
    const timer = setTimeout(abort, SILENCE * 1000);
    signal?.addEventListener("abort", abort);
    try {
        return await whole(url, { ...request, signal: aborter.signal }, signal);
    }
    finally {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
    }
}
async function whole(url, request, signal) {
    try {
        const answer = await fetch(url, request);
        return { status: answer.status, text: await answer.text() };
    }
    catch {
        if (signal?.aborted)
            throw aborted();
        return { status: 0, text: "" };
    }
}
function json(text) {
    try {
        return JSON.parse(text) ?? {};
    }
    catch {
        return {};
    }
}
function sleep(seconds, signal) {
    return new Promise((done, failed) => {
        const stop = () => {
            clearTimeout(timer);
            failed(aborted());
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener("abort", stop);
            done();
        }, seconds * 1000);
        if (signal?.aborted)
            stop();
        else
            signal?.addEventListener("abort", stop, { once: true });
    });
}
// A browser's own reason came after 2020.
const aborted = () => new DOMException("The upload was aborted.", "AbortError");
