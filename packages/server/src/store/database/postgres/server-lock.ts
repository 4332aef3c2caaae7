/** Servers share this lock, each as long as it is connected; what needs the database for itself takes it alone. */
export const serverLock = 'rollcall server'
