package main

import (
	"errors"
	"fmt"

	"reeve/internal/client"
)

// Exit codes, few enough to remember: a script tells apart whether to look at its
// own command line, at its permissions, or at what a check has found.
const (
	exitDone    = 0
	exitFailed  = 1 // it could not be done, or not to the end
	exitMisuse  = 2 // the command line is wrong; nothing was tried
	exitRefused = 3 // the server, or what is in it, says no
	exitNo      = 4 // it was done, and the answer is no
)

// exitHelp is the table of exit codes for help and documentation.
const exitHelp = `Exit codes:
  0  done, and the answer is good
  1  failed: a file, a database, the network or the server stood in the way, or
     it was interrupted
  2  the command line is wrong; nothing was done
  3  refused: the server says no, by a permission, a limit, a rule, or because
     what was named is not there
  4  done, and the answer is no: verify found a fault, what-if does not fit,
     migrate --check has something to do, restore --check found a bad backup,
     a run that was waited for failed`

// exitWhy says what the codes are good for.
const exitWhy = `They are few, and each asks for something else of a script: 2 is a mistake in the
script itself; 3 will be refused again until somebody gives the permission, the
licences or the right name; 1 may pass, so trying again can help; and 4 is an
answer, not a failure: a check that was made to the end and that found something.
So a watch that runs reeve verify can tell a ledger with a fault from a server that
did not answer. Standard error has one sentence for each of 1 to 4.`

// exitCode is what an error that ended a command exits with.
func exitCode(err error) int {
	var usage *usageError
	var no *negativeError
	var refused *refusedError
	var answer *client.Error
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		return exitMisuse
	case errors.As(err, &no):
		return exitNo
	case errors.As(err, &refused):
		return exitRefused
	case errors.As(err, &answer) && answer.Refusal():
		return exitRefused
	}
	return exitFailed
}

// usageError is a mistake in the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func misuse(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// negativeError ends a command whose answer is no.
type negativeError struct{ err error }

func (e *negativeError) Error() string { return e.err.Error() }
func (e *negativeError) Unwrap() error { return e.err }

func negative(format string, args ...any) error {
	return &negativeError{fmt.Errorf(format, args...)}
}

// refusedError is a refusal that a command found out by itself, where the server
// would have said the same.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

func refuse(format string, args ...any) error {
	return &refusedError{fmt.Errorf(format, args...)}
}
