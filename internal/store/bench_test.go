package store_test

import (
	"context"
	"fmt"
	"testing"

	"reeve/internal/license"
	"reeve/internal/store"
)

// BenchmarkScanUsage reads pages of 50 rows, of the newest revision and of the
// first one, with every node in the cache.
func BenchmarkScanUsage(b *testing.B) {
	s := openBench(b)
	c := fill(b, s, 5000)
	for _, revision := range []int64{c.Head, 1} {
		b.Run(fmt.Sprintf("revision=%d", revision), func(b *testing.B) {
			b.ReportAllocs()
			var page []license.Usage
			scan := license.UsageScan{Configuration: c.Num, Revision: revision, Limit: 50}
			for b.Loop() {
				err := s.View(context.Background(), func(tx license.Tx) (err error) {
					page, err = tx.ScanUsage(page[:0], scan)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
				if scan.After = (license.Key{}); len(page) == 50 {
					scan.After = page[49].Key
				}
			}
		})
	}
}

func openBench(b *testing.B) *store.Store {
	b.Helper()
	s, err := store.New(context.Background(), openSQLite(b), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// fill makes a configuration with n machines, each of which has changed once.
func fill(b testing.TB, s *store.Store, n int64) *license.Configuration {
	b.Helper()
	c := &license.Configuration{Num: 1, ID: "lic-1", NextNode: 1}
	err := s.Update(context.Background(), func(tx license.Tx) error { return tx.InsertConfiguration(c) })
	for consumed := int64(1); err == nil && consumed <= 2; consumed++ {
		var changes []license.Change
		for num := int64(1); num <= n; num++ {
			changes = append(changes, running(num, consumed))
		}
		err = s.Update(context.Background(), func(tx license.Tx) error { return writeRevision(tx, c, changes) })
	}
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func running(num, consumed int64) license.Change {
	k := license.Key{Owner: 111122223333, Resource: num}
	ch := license.Change{Key: k, Kind: license.KindUsage, Usage: &license.Usage{
		Key: k, ResourceARN: fmt.Sprintf("arn:aws:ec2:eu-central-1:111122223333:instance/i-%017x", num),
		Type: license.EC2Instance, Status: "running", AssociationTime: 1_700_000_000_000_000, Consumed: consumed, Facts: consumed,
	}}
	if consumed > 1 {
		ch.WasType = license.EC2Instance
	}
	return ch
}

func writeRevision(tx license.Tx, c *license.Configuration, changes []license.Change) error {
	c.Head++
	nodes, err := tx.ApplyChanges(c, changes)
	if err != nil {
		return err
	}
	if err := tx.AppendRevision(c.Num, &license.Revision{Number: c.Head, At: license.Time(c.Head), Nodes: nodes}); err != nil {
		return err
	}
	return tx.SaveConfiguration(c)
}
