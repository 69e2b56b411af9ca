package server

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadlineEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*deadline, context.CancelFunc)
		want error
	}{
		{"InTime", func(d *deadline, _ context.CancelFunc) { <-d.Done() }, context.DeadlineExceeded},
		{"ByItsParent", func(_ *deadline, cancel context.CancelFunc) { cancel() }, context.Canceled},
		{"ByStop", func(d *deadline, _ context.CancelFunc) { d.stop() }, context.Canceled},
		{"ByStopWhenAskedBefore", func(d *deadline, _ context.CancelFunc) { _ = d.Err(); d.stop() }, context.Canceled},
		{"ByTimeBeforeAnyoneAsked", func(*deadline, context.CancelFunc) { <-time.After(2 * time.Minute) }, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(t.Context())
				defer cancel()
				began := time.Now()
				d := withDeadline(parent, time.Minute)
				defer d.stop()
				c.end(d, cancel)
				if err := d.Err(); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				select {
				case <-d.Done():
				default:
					t.Error("it says why it ended, and has not")
				}
				if at, ok := d.Deadline(); !ok || at.Sub(began) != time.Minute {
					t.Errorf("deadline %v after it was made", at.Sub(began))
				}
			})
		})
	}
}

func TestDeadlineKeepsAnEarlierOne(t *testing.T) {
	parent, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	d := withDeadline(parent, time.Minute)
	defer d.stop()
	want, _ := parent.Deadline()
	if at, _ := d.Deadline(); !at.Equal(want) {
		t.Errorf("got %v, want %v", at, want)
	}
}
