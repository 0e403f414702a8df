/**
 * Sends a picture to an Upload workflow and tells how it ended.
 *
 * For browsers (Chrome and Edge from 86, Firefox from 78, Safari from 14 on) and Node.js from 20 on. Knows the upload
 * API, the storage's answers and the status document (docs/client.md); believes nothing that comes from between.
 */
export type State = "PENDING" | "RUNNING" | "SUCCEEDED" | "REJECTED" | "FAILED";
/** One file that was made from the upload. What lies under its key never changes. */
export interface Rendition {
    /** As the operator called it, such as "thumbnail". */
    name: string;
    key: string;
    url: string;
    /** Null: as long as the rendition is kept. */
    url_expires_at: string | null;
    content_type: string;
    /** In pixels; absent of what is no picture. */
    width?: number;
    height?: number;
    bytes: number;
    /** In hexadecimal digits. */
    sha256: string;
}
/** The status document of an upload. Later releases may add fields. */
export interface Status {
    schema: "1";
    state: State;
    job_id: string | null;
    upload: {
        bucket: string;
        key: string;
        version_id: string | null;
        etag: string | null;
        sequencer: string | null;
        bytes: number | null;
        content_type: string | null;
        original_name?: string;
        owner?: string;
        metadata?: Record<string, string>;
        checksum_sha256?: string;
    };
    /** The upload as it was decoded, upright; only of a picture whose state is SUCCEEDED. */
    image?: {
        format: string;
        width: number;
        height: number;
        frames: number;
        /** "#rrggbb". */
        dominant_color?: string;
        /** A ThumbHash in base64. */
        placeholder?: string;
    };
    /** Short name of what the renditions were made by. */
    recipe?: string;
    /** Empty unless the state is SUCCEEDED. */
    renditions: Rendition[];
    /** Only if the state is REJECTED or FAILED. The message is for people. */
    error?: {
        code: string;
        message: string;
        retryable: boolean;
    };
    created_at: string;
    updated_at: string;
    /** When the status URL stops answering. */
    expires_at: string | null;
    /** How often work began. */
    attempt: number;
    execution: string | null;
    lease_until?: string;
    converter: {
        version: string;
    };
    poll_after_seconds?: number;
}
/** The API's answer: a ticket for one file, and the URL that tells how it ended. Keep both like a password. */
export interface Issued {
    job: {
        key: string;
    };
    upload: {
        method: "PUT";
        url: string;
        headers: Record<string, string>;
        expires_at: string;
    };
    status_url: string;
    expires_at: string;
    poll_after_seconds: number;
}
export interface Options {
    /** An access token, where the operator wants one. */
    token?: string | undefined;
    /** Facts of your own, up to ten: they come back in the status document and in the event. */
    metadata?: Record<string, string> | undefined;
    /** Hears how much of the file has been sent, in bytes. Node.js tells it only at the end. */
    onProgress?: ((sent: number, total: number) => void) | undefined;
    /** Hears each state that the status document tells, the last one too. */
    onState?: ((state: State) => void) | undefined;
    /** Ends sending and waiting: the promise is rejected with an AbortError. */
    signal?: AbortSignal | undefined;
}
/** The API takes no such upload, or not from this caller, or is not there. The message is for people; asking again changes nothing. */
export declare class Refused extends Error {
    readonly name = "Refused";
}
/** What a page has of a file: a File, or any Blob. */
export type Picture = Blob & {
    readonly name?: string;
};
/**
 * Uploads a file and resolves with its status document at its end: SUCCEEDED, REJECTED or FAILED.
 *
 * api: the module's output upload_api.url, or a path of your backend that answers the same. Rejects with Refused,
 * with an AbortError, or with an Error if the file or the answer does not get through.
 */
export declare function upload(api: string, file: Picture, options?: Options): Promise<Status>;
/** Asks for a ticket for this file; for whoever sends it otherwise. Rejects as upload() does. */
export declare function issue(api: string, file: Picture, options?: Options): Promise<Issued>;
/** Resolves with the status document at its end; also for what an earlier visit has kept of issue()'s answer. */
export declare function follow(issued: {
    status_url: string;
    poll_after_seconds?: number;
}, { onState, signal }?: Options): Promise<Status>;
