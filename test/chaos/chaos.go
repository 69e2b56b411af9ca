// Package chaos tries to break a running server from outside: many callers
// for few licences, SIGKILL under load, two processes on one directory,
// readers that come back to compare, strangers who guess names, and bytes that
// are no HTTP.
//
// The package has no code of its own; its tests build the program, run it and
// talk to it over the network, as everybody does. REEVE_CHAOS_ROUNDS sets how
// often the server is killed, REEVE_CHAOS_SEED what chance decides.
package chaos
