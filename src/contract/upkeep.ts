/**
 * How many commands a process sends that no caller asked for. `shared`: a few each second; one process does the upkeep for all. `low`: at
 * most one each second, for a Redis that is paid by the command; cleaning, noticing an outage and statistics take longer.
 */
export type Upkeep = 'shared' | 'low'
