/** Exit status of a daemon that finds its folders in another daemon's hands: try that one (sysexits.h, EX_TEMPFAIL). */
export const FOLDERS_TAKEN = 75;
