// Package cluster tries to break several servers over one PostgreSQL: servers
// that are killed, a database that crashes or fails over to its replica, and
// connections that are cut where a commit is on its way.
//
// The package has no code of its own; its tests run the real program three
// times behind a load balancer, and see that what clients were told is what
// is there. Every history of calls is checked to be linearizable: that there
// is one order of the calls, true to their times, in which a simple model
// gives the same answers.
//
// Beside them: a deployment is restored to a moment and from a dump, as
// docs/operating.md says, runs behind a pooler, and is measured for
// docs/scaling.md.
//
// REEVE_CHAOS_LONG=1 (make chaos) runs a longer form.
package cluster
