/** The largest file that is loaded, in bytes. The largest free table of cities has half of it. */
export const MOST_FILE_BYTES = 128 * 1024 * 1024;
