// Package storetest is the conformance suite of license.Store: whatever the
// rules rely on is asserted here, and every database that Reeve offers passes it.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reeve/internal/license"
)

// patience bounds every test, so that a lock that is never given ends it.
const patience = 5 * time.Minute

// test is one statement about a store.
type test struct {
	name string
	run  func(*suite)
}

var tests = []test{
	{"Configuration", configurationKeepsEverything},
	{"ConfigurationClash", clashRunsTheUpdateAgain},
	{"ConfigurationList", configurationsAreListedInOrder},
	{"ConfigurationAt", configurationsOfATimeAreListed},
	{"ConfigurationCount", configurationsAreCounted},
	{"EveryConfiguration", everyConfigurationIsListed},
	{"Settings", settingsAreKeptPerAccountAndRegion},
	{"Revision", revisionKeepsEverything},
	{"RevisionAt", revisionAtFindsTheNewest},
	{"ConfigurationAt", configurationAtBringsTheRevision},
	{"Revisions", revisionsPage},
	{"Peaks", peaksSummariseSteps},
	{"LastWithin", lastWithinFindsTheNewest},
	{"Resource", resourceKeepsEverything},
	{"ResourceClash", resourceClashRunsTheUpdateAgain},
	{"ResourceLocks", resourcesAreLockedInOrder},
	{"ResourceHost", resourcesAreFoundByHost},
	{"ResourceUnseen", unseenResourcesAreManagedInstances},
	{"Software", softwareIsKeptByVersion},
	{"Inventory", inventoryFiltersCompareByByte},
	{"InventoryPages", inventoryPagesConcatenate},
	{"InventoryFollows", inventoryFollowsChanges},
	{"InventoryRefusals", inventoryRefusesUnknownFilters},
	{"InventoryAtOnce", sameValuesAtOnceAreFound},
	{"InventoryUndone", undoneValuesAreFoundLater},
	{"OpenAssociations", openAssociationsByResource},
	{"Holds", holdsExpireInOrder},
	{"Failures", failuresAreKeptPerResource},
	{"FailuresOf", failuresAreFoundByResource},
	{"DiscoveryGeneration", discoveryGenerationsAreKeptPerAccount},
	{"Discovering", discoveringConfigurationsAreFound},
	{"Passes", passesAreListedWhileDue},
	{"Exclusions", exclusionsAreKeptWhenTheyEnd},
	{"ResourceOverdue", overdueResourcesAreConnected},
	{"SoftwareCount", softwareIsCountedByMachines},
	{"Source", sourceKeepsEverything},
	{"SourcesDue", sourcesAreListedAndDue},
	{"SourceRuns", sourceRunsAreKept},
	{"SourceResources", sourcesRememberResources},
	{"SourceGuard", guardTakesBack},
	{"Organization", organizationsKeepTheirAccounts},
	{"OrganizationLock", organizationsAreLocked},
	{"Shares", sharesAreFoundByPrincipal},
	{"ForeignAssociations", foreignAssociationsAreListed},
	{"SharedImages", imagesOfAnOrganizationAreFound},
	{"Lock", lockSerialises},
	{"Clock", clockRunsInsideATransaction},
	{"ReadOnly", viewCannotWrite},
	{"Cancel", cancelledContextCommitsNothing},
}

// treeTests are those that a cache of tree nodes could spoil.
var treeTests = []test{
	{"Usage", usageAsOfAnyRevision},
	{"UsageTypeChange", usageMovesBetweenTypes},
	{"UsageRefusals", usageThatCannotBeReadBackIsRefused},
	{"Associations", associationsAsOfAnyRevision},
	{"Rollback", rollbackLeavesNothing},
	{"Rehearsal", rehearsalLeavesNothing},
	{"Snapshot", viewIsOneSnapshot},
}

// Run runs the suite. open returns a new empty store for every test and closes
// it when the test ends.
func Run(t *testing.T, open func(t *testing.T) license.Store) {
	run(t, tests, open)
	RunTrees(t, open)
}

// RunTrees runs the part of the suite that is about what the trees hold, for
// stores that differ in how they cache it.
func RunTrees(t *testing.T, open func(t *testing.T) license.Store) { run(t, treeTests, open) }

func run(t *testing.T, tests []test, open func(t *testing.T) license.Store) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(newSuite(t, open)) })
	}
}

// RunConcurrent runs what can be asked only of databases with several writers
// at once.
func RunConcurrent(t *testing.T, open func(t *testing.T) license.Store) {
	run(t, []test{
		{"OtherConfigurations", otherConfigurationsDoNotWait},
		{"ResourceLocksNeverCross", resourceLocksNeverCross},
	}, open)
}

// suite is one test with its store.
type suite struct {
	*testing.T
	ctx   context.Context
	store license.Store
}

func newSuite(t *testing.T, open func(t *testing.T) license.Store) *suite {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return &suite{T: t, ctx: ctx, store: open(t)}
}

func (s *suite) update(fn func(license.Tx) error) {
	s.Helper()
	if err := s.store.Update(s.ctx, fn); err != nil {
		s.Fatalf("update: %v", err)
	}
}

func (s *suite) view(fn func(license.Tx) error) {
	s.Helper()
	if err := s.store.View(s.ctx, fn); err != nil {
		s.Fatalf("view: %v", err)
	}
}

// read returns what fn reads in a view of its own.
func read[T any](s *suite, fn func(license.Tx) (T, error)) T {
	s.Helper()
	var found T
	s.view(func(tx license.Tx) (err error) {
		found, err = fn(tx)
		return err
	})
	return found
}

// same fails the test unless got is want; nil and empty lists are the same.
func (s *suite) same(what string, want, got any) {
	s.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(license.Resource{}, "Digest")); diff != "" {
		s.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// errStop is what a test's function returns to have its update rolled back.
var errStop = errors.New("stop here")

const (
	alice  = "111122223333"
	bob    = "444455556666"
	region = "eu-central-1"
)

// configuration returns a new configuration of alice's.
func configuration(num int64) *license.Configuration {
	return &license.Configuration{
		Num: num, ID: fmt.Sprintf("lic-%032x", num), Account: alice, Region: region,
		Created: license.Time(1_000_000 * num), NextNode: 1,
		Terms: license.Terms{Name: "a", CountingType: license.VCPU, Status: license.Available},
	}
}

// insert adds configurations.
func (s *suite) insert(cs ...*license.Configuration) {
	s.Helper()
	s.update(func(tx license.Tx) error {
		for _, c := range cs {
			if err := tx.InsertConfiguration(c); err != nil {
				return err
			}
		}
		return nil
	})
}

// resource returns a running instance of alice's inventory.
func resource(num int64) *license.Resource {
	return &license.Resource{
		Num: num, Account: alice, Owner: alice, ARN: instanceARN(alice, num), Type: license.EC2Instance,
		Created: 10, Seen: 20, Version: 1, Facts: license.Facts{Status: "running", VCPUs: 2},
	}
}

func instanceARN(account string, num int64) string {
	return fmt.Sprintf("arn:aws:ec2:%s:%s:instance/i-%017x", region, account, num)
}

// declare adds resources.
func (s *suite) declare(rs ...*license.Resource) {
	s.Helper()
	s.update(func(tx license.Tx) error { return tx.InsertResources(rs) })
}

func numsOf(rs []*license.Resource) []int64 {
	nums := make([]int64, len(rs))
	for i, r := range rs {
		nums[i] = r.Num
	}
	return nums
}

func idsOf(cs []*license.Configuration) []int64 {
	nums := make([]int64, len(cs))
	for i, c := range cs {
		nums[i] = c.Num
	}
	return nums
}

func pointer[T any](v T) *T { return &v }
