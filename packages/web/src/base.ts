/** Where the server is, without a slash at the end: a proxy may have put it below a prefix, which the page's `base` names. */
export const serverUrl = document.baseURI.replace(/\/+$/, '')

/** The path of it: empty, or such as `/rollcall`. */
export const prefix = new URL(serverUrl).pathname.replace(/\/+$/, '')
