// The page's numbers, each with its reason.

// How long without a word from the server until it is sent a PING, and after as long again is given up. Proxies end
// a connection that is silent for a minute.
export const SILENCE_MS = 25_000;
// The same after a sleep, or when the network has changed: the connection is probably dead.
export const WOKE_SILENCE_MS = 4_000;
// How long a connection and its greeting may take.
export const CONNECT_MS = 20_000;
// How long a login may take: a full queue of logins takes the server 102 seconds, the wait after wrong passwords 12.
export const LOGIN_MS = 120_000;
// The wait before the first new connection; it doubles with each that fails.
export const RETRY_FIRST_MS = 1_000;
export const RETRY_LONGEST_MS = 30_000;
// The wait after a token was refused: some passwords of members.txt are hashed in this time.
export const TOKEN_RETRY_MS = 2_000;
// Messages sent and not answered yet: as many as the server takes from one connection in a turn.
export const OUTSTANDING_MAX = 64;
// Lines of a paste that are said without a question.
export const PASTE_LINES = 5;
// Events fetched at a time: the most that the server gives.
export const HISTORY_MAX = 1000;
// Events fetched when somebody scrolls up, at least: some screens of a phone.
export const OLDER = 200;
// The wait before older events are asked for again that the server could not read.
export const OLDER_RETRY_MS = 2_000;
// Events kept in the browser, to be read without a connection.
export const KEPT = 500;
// If a device has to fetch more than this to continue from what was kept, that is dropped instead: scrolling up
// brings it.
export const KEPT_GAP = 2000;
// Missed events that are shown at the end of the list, after a break, to somebody who looks there: half a screen.
export const MISSED_SHOWN = 8;
// Pages of MEMBERS asked for at login. In a larger group names are learnt as they occur.
export const NAME_PAGES = 4;
// Rows of the list of members at first, and how many more come at a time.
export const MEMBERS_STEP = 200;
// How often it is asked who is here.
export const ROSTER_MS = 60_000;
// Waits between two questions whether messages have reached everybody; the last one repeats. The server records
// receipts every two seconds.
export const RECEIPT_WAITS_MS = [1_500, 2_500, 5_000, 10_000, 20_000, 40_000, 60_000];
// Messages of one person within this time are one group.
export const GROUP_MS = 5 * 60_000;
// Rows of the list in the document around those in sight: each costs something in every frame in which others are added.
export const ROWS = 90;
// No row is lower than this.
export const ROW_LEAST_PX = 24;
// How many are added before an end is reached, and how near it has to be.
export const ROWS_STEP = 12;
export const ROWS_NEAR_PX = 900;
// Rows added in one frame at most, so that it stays below 50 ms on a slow phone.
export const ROWS_FRAME = 24;
