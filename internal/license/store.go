package license

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
)

// Store keeps ledgers and inventory. Package store implements it once for
// SQLite and PostgreSQL; storetest is its conformance suite.
type Store interface {
	// View runs fn over one consistent snapshot. fn must not write.
	View(ctx context.Context, fn func(Tx) error) error

	// Update runs fn in one transaction and commits it durably when fn
	// returns nil; otherwise nothing of it remains. Update may run fn again
	// after a conflict, so fn has no effect other than through its Tx, and
	// locks first what it decides on: resources in the order of their
	// numbers, then configurations in the order of theirs.
	Update(ctx context.Context, fn func(Tx) error) error

	// UpdateTogether is Update for a function that locks a configuration, by
	// any name that it always has: those that come at once may commit together. Each keeps its own
	// answer, and decides by what those before it left.
	UpdateTogether(ctx context.Context, name string, fn func(Tx) error) error

	// Rehearse runs fn with a Store whose Updates see each other's work, in
	// one transaction of which nothing remains. What that locks stays locked
	// until fn returns. It may run fn again after a conflict, as Update does.
	Rehearse(ctx context.Context, fn func(Rehearsal) error) error
}

// Rehearsal is the Store of a Rehearse. It is not safe for concurrent use, and
// ends with the function that it was given to. After an error of the database
// everything fails.
type Rehearsal interface {
	Store

	// Attempt runs fn; what the Updates in it wrote is undone when it fails.
	Attempt(ctx context.Context, fn func() error) error
}

// Tx is one transaction. It is not safe for concurrent use and ends with the
// function it was given to. Errors that it returns are the database's, but
// for what its methods say.
type Tx interface {
	// Now is the database's clock. Under a configuration's lock it is the
	// clock that the next revision's time is taken from.
	Now() (Time, error)

	ConfigurationTx
	LedgerTx
	TreeTx
	ResourceTx
	AssociationTx
	DiscoveryTx
	SealTx
	OrganizationTx
	SharingTx
}

// ConfigurationTx keeps the configurations' rows.
type ConfigurationTx interface {
	// Configuration returns the configuration with that ID (lic-…), deleted
	// and loading ones included, or nil.
	Configuration(id string) (*Configuration, error)

	// ConfigurationAt is Configuration, and the number and the mark (MarkOf) of
	// its newest revision with At <= t, 0 when there is none. It asks the
	// database once.
	ConfigurationAt(id string, t Time) (c *Configuration, number, mark int64, err error)

	// LockConfiguration locks a configuration against every other
	// transaction's LockConfiguration and returns it as it then is, or nil.
	LockConfiguration(num int64) (*Configuration, error)

	// InsertConfiguration adds a new row; its Num and ID are chosen at random
	// by the caller, and a clash is a conflict that runs the update again.
	InsertConfiguration(c *Configuration) error

	// SaveConfiguration writes everything of a locked configuration that can
	// change: Deleted, Loading, Head and what follows it.
	SaveConfiguration(c *Configuration) error

	// SettleConfiguration writes Settled of a locked configuration, which
	// SaveConfiguration leaves as it is.
	SettleConfiguration(num int64, until Time) error

	// Promise makes Now later than a moment in every transaction from here on,
	// whatever the clock does, without a write. Only a store that is its
	// database's only writer can: an error with a method Unwritable says that
	// this one cannot, or not now.
	Promise(at Time) error

	// Configurations returns up to limit existing configurations (not
	// deleted, not loading) of an account in a region after the given place,
	// in the order of (Created, Num).
	Configurations(account, region string, created Time, num int64, limit int) ([]*Configuration, error)

	// ConfigurationsAt is Configurations for those that existed at a moment,
	// with their present terms and counters.
	ConfigurationsAt(account, region string, at, created Time, num int64, limit int) ([]*Configuration, error)

	// EveryConfiguration returns up to limit configurations of the whole
	// deployment with a Num beyond after, in that order; loading ones,
	// deleted ones and Unreadable ones included.
	EveryConfiguration(after int64, limit int) ([]*Configuration, error)

	// CountConfigurations counts an account's existing configurations in a
	// region, and those created at or after since (deleted ones included).
	CountConfigurations(account, region string, since Time) (existing, created int64, err error)

	// Settings returns the service settings of an account in a region, zero
	// when they were never saved; LockSettings also locks them for SaveSettings.
	Settings(account, region string) (ServiceSettings, error)
	SaveSettings(account, region string, s ServiceSettings) error
}

// LedgerTx keeps the revisions.
type LedgerTx interface {
	// AppendRevision adds the revision after the configuration's head.
	AppendRevision(configuration int64, r *Revision) error

	// Revision returns one revision whole, or nil.
	Revision(configuration, number int64) (*Revision, error)

	// RevisionHead is Revision without Changes, which may be very long.
	RevisionHead(configuration, number int64) (*Revision, error)

	// RevisionAt returns the newest revision with At <= t, without Changes
	// and Terms, or nil when there is none.
	RevisionAt(configuration int64, t Time) (*Revision, error)

	// Revisions returns up to limit whole revisions with a number beyond
	// after, in order.
	Revisions(configuration, after int64, limit int) ([]*Revision, error)

	// NextLedger returns the number of the first configuration beyond after
	// that has revisions, whether its own row is there or not; 0 after the
	// last one.
	NextLedger(after int64) (int64, error)

	// LastWithin returns the number of the newest revision with after < number
	// <= last whose Consumed is at most consumed, 0 when there is none.
	LastWithin(configuration, after, last, consumed int64) (int64, error)

	// Peaks cuts the revisions with from <= At < to into steps of the given
	// length in microseconds, counted from from, and returns for every step
	// that has a revision the highest Consumed, the last revision number and
	// what is consumed after that, in order.
	Peaks(configuration int64, from, to Time, step int64) ([]Peak, error)
}

// Peak is the summary of the revisions that fell into one step.
type Peak struct {
	Step     int64 // 0 is the step that starts at from
	Consumed int64 // the highest after any revision of the step
	Last     int64 // number of the last revision of the step
	After    int64 // what is consumed after that
}

// UsageScan says which usage rows to read: those alive at a revision, after a
// key, in the order of keys.
type UsageScan struct {
	Configuration int64
	Revision      int64
	Mark          int64        // of the revision, see MarkOf; 0 for whichever has that number
	Type          ResourceType // "" for every type
	Owner         int64        // 0 for every account
	After         Key          // zero for the start
	Limit         int
}

// ErrNoRevision is what a TreeTx answers when a ledger does not have a revision,
// or has another one under its number: its database was set back since.
var ErrNoRevision = errors.New("the ledger does not have this revision")

// MarkOf tells a revision from any other that ever had its number: it is made
// of the revision's hash, and never 0.
func MarkOf(hash []byte) int64 {
	if len(hash) < 8 {
		return 1
	}
	return max(1, int64(binary.BigEndian.Uint64(hash)>>1))
}

// UsageWriter takes the rows of a scan as they are read.
type UsageWriter interface {
	// Restart forgets the rows so far: the scan begins again.
	Restart()

	// Row takes one row, whose ARN is u.ResourceARN followed by rest. Many
	// rows have the same u.ResourceARN. The strings may be kept, u may not.
	Row(u *Usage, rest string)
}

// UsageRows is a UsageWriter that keeps the rows.
type UsageRows struct {
	Rows  []Usage
	start int
}

// NewUsageRows returns one that appends to dst.
func NewUsageRows(dst []Usage) *UsageRows { return &UsageRows{dst, len(dst)} }

// Restart implements UsageWriter.
func (r *UsageRows) Restart() { r.Rows = r.Rows[:r.start] }

// Row implements UsageWriter.
func (r *UsageRows) Row(u *Usage, rest string) {
	r.Rows = append(r.Rows, *u)
	r.Rows[len(r.Rows)-1].ResourceARN += rest
}

// TreeTx keeps what was alive at each revision: usage and associations. A
// read costs O(rows returned), whatever the revision, the history's depth and
// the number of resources long gone.
type TreeTx interface {
	// ScanUsage appends the rows to dst. Their strings are valid for ever.
	ScanUsage(dst []Usage, s UsageScan) ([]Usage, error)

	// WriteUsage passes the rows to w: the way of every list, which makes
	// nothing of its own for a row.
	WriteUsage(w UsageWriter, s UsageScan) error

	// UsageOf returns the usage of one resource at a revision, or nil.
	UsageOf(configuration, revision int64, k Key) (*Usage, error)

	// OpenUsage returns the usage of keys, of which none comes twice, at the
	// head of a configuration that this transaction has locked; keys without
	// usage are left out. What it reads, ApplyChanges need not read again.
	OpenUsage(c *Configuration, keys []Key) (map[Key]*Usage, error)

	// ScanAssociations is ScanUsage for associations; Type and Owner of s
	// are not looked at.
	ScanAssociations(dst []Association, s UsageScan) ([]Association, error)

	// ApplyChanges opens and closes intervals at revision c.Head (the one
	// being written) of a locked configuration; see Change. It advances
	// c.NextNode and returns the nodes it wrote.
	ApplyChanges(c *Configuration, changes []Change) (nodes []int64, err error)

	// CheckTrees walks every tree of a configuration and returns an error
	// that names the first broken invariant of the stored form itself.
	CheckTrees(c *Configuration) error

	// ScanIntervals calls each for every stored row of every tree, in no
	// order; a row that was copied on when its node split comes up once a
	// node.
	ScanIntervals(configuration int64, each func(Interval) error) error
}

// Interval is one stored copy of a row of a tree, as a verification reads it.
// A copy knows of the revisions Since <= r < To; those of one interval in a
// tree follow each other without a gap, from From to the interval's end, or to
// OpenEnd while it holds.
type Interval struct {
	Key
	Kind  ChangeKind
	Type  ResourceType // of the tree it stands in; "" for the trees of all types
	From  int64        // the revision that opened the interval
	Since int64        // the first revision that this copy knows of
	To    int64        // the first one that it does not
	Text  string       // AppendText of the usage or association
}

// OpenEnd is the end of an interval that still holds.
const OpenEnd int64 = math.MaxInt64

// Change replaces what is known of a key from a revision on: Usage or
// Association non-nil opens a row (closing the one that was open); both nil
// closes the row of the kind that Closes names.
type Change struct {
	Key
	Kind        ChangeKind
	Usage       *Usage       // KindUsage: nil closes
	Association *Association // KindAssociation: nil closes
	WasType     ResourceType // KindUsage: type of the open row, "" when none was open
}

// ChangeKind says which of the two ledgers' contents a Change is about.
type ChangeKind byte

// The kinds, in the spelling of Revision.Changes.
const (
	KindUsage       ChangeKind = 'u'
	KindAssociation ChangeKind = 'a'
)

// ResourceTx keeps the inventory.
type ResourceTx interface {
	// LockResources locks the named resources of an account's inventory, in
	// the order of their numbers, and returns those that exist (those that
	// are gone included: their Status says so) by ARN.
	LockResources(account string, arns []string) (map[string]*Resource, error)

	// Resource returns one resource of an account's inventory without
	// locking it, or nil.
	Resource(account, arn string) (*Resource, error)

	// Namesakes returns the resources of a name in the inventories of
	// accounts, in their order. It asks the database once.
	Namesakes(arn string, accounts []string) ([]*Resource, error)

	// ResourcesByARN returns those of the named resources of an account's
	// inventory that exist, by ARN, without locking them.
	ResourcesByARN(account string, arns []string) (map[string]*Resource, error)

	// ResourcesByNum returns resources by number, with their newest facts.
	ResourcesByNum(nums []int64) (map[int64]*Resource, error)

	// ResourcesOnHosts returns the resources of an account's inventory whose
	// newest facts name one of the hosts, host by host.
	ResourcesOnHosts(account string, hosts []string) ([]*Resource, error)

	// InsertResources adds resources with their first facts; a clash of
	// number or ARN is a conflict that runs the update again.
	InsertResources(rs []*Resource) error

	// SaveResources records new facts: Version, Facts, Seen. at is the time
	// of the version. This and InsertResources set Digest.
	SaveResources(rs []*Resource, at Time) error

	// TouchResources writes Seen alone.
	TouchResources(rs []*Resource) error

	// FactsOf returns one version of a resource's facts, or nil.
	FactsOf(num, version int64) (*Facts, error)

	// FactsVersions returns up to limit versions of a resource's facts below
	// before, the newest first.
	FactsVersions(num, before int64, limit int) ([]FactsVersion, error)

	// GuestsOf returns up to limit resources of an account's inventory, but for
	// gone ones, whose newest facts name a host, in the order of numbers.
	GuestsOf(account, host string, limit int) ([]*Resource, error)

	// Software returns a version of a resource's installed applications in
	// their order; SoftwareOf fills in those of many versions at once. A
	// version that was never saved has none.
	Software(num, version int64) ([]Application, error)
	SoftwareOf(versions []Software) error

	// SaveSoftware records the next version of the applications of resources,
	// and makes it the one that inventory searches see.
	SaveSoftware(vs []Software, at Time) error

	// Inventory returns up to limit resources of an account's inventory with
	// a number beyond after that match every filter, in the order of
	// numbers; gone ones are left out. next is where to go on, 0 when no more
	// can follow. With filters a page may end early, even empty, when finding
	// more would take long; it has then come farther than after all the same.
	Inventory(account string, filters []InventoryFilter, after int64, limit int) (page []*Resource, next int64, err error)

	// UnseenResources returns up to limit managed instances of the
	// deployment last seen before t that are not inactive or gone, but for
	// those that are associated with a configuration whose history is being
	// loaded: its ledger is not the clock's to change.
	UnseenResources(t Time, limit int) ([]*Resource, error)

	// OverdueResources is UnseenResources without those whose connection is
	// lost already.
	OverdueResources(t Time, limit int) ([]*Resource, error)
}

// AssociationTx keeps the associations as they are now, by resource, and the
// failures. The trees hold the same by configuration at every revision.
type AssociationTx interface {
	// AssociationsOf returns the open associations of the given resources.
	AssociationsOf(nums []int64) ([]OpenAssociation, error)

	// CountAssociations counts the open associations of a configuration.
	CountAssociations(configuration int64) (int64, error)

	// SaveAssociations writes open associations; DeleteAssociations removes
	// them by configuration and resource.
	SaveAssociations(as []OpenAssociation) error
	DeleteAssociations(as []OpenAssociation) error

	// SpecificationsOf returns up to limit open associations of a resource
	// that somebody or an image made (no affinity holds), with the ID of
	// their configuration, in the order of configuration numbers beyond after.
	SpecificationsOf(num, after int64, limit int) ([]OpenAssociation, error)

	// AssociationsOnHosts returns the open associations with a configuration
	// of the resources whose newest facts name one of those hosts of an
	// account, host by host.
	AssociationsOnHosts(configuration int64, account string, hosts []string) ([]OpenAssociation, error)

	// ExpiredHolds returns up to limit affinity holds with Until <= t, but for
	// those in configurations whose history is being loaded.
	ExpiredHolds(t Time, limit int) ([]OpenAssociation, error)

	// SaveFailures adds or replaces failures, one per resource;
	// DeleteFailures removes those of the given keys.
	SaveFailures(configuration int64, fs []Failure) error
	DeleteFailures(configuration int64, keys []Key) error

	// Failures returns up to limit failures after a key, in the order of keys.
	Failures(configuration int64, after Key, limit int) ([]Failure, error)
}

// DiscoveryTx keeps what automated discovery needs beside the ledgers.
type DiscoveryTx interface {
	// DiscoveryGeneration names the state of an account's discovery rules: it
	// is another number whenever they may have changed, 0 before the first
	// rule. With hold they cannot change until the transaction ends; many may
	// hold at once.
	DiscoveryGeneration(account string, hold bool) (int64, error)

	// SetDiscoveryGeneration waits until nobody else holds the rules, and keeps
	// others from holding them until the transaction ends. The generation is
	// drawn at random, so that none that was rolled back comes again.
	SetDiscoveryGeneration(account string, generation int64) error

	// Discovering returns the configurations of an account that discover: not
	// deleted or loading, AVAILABLE, with discovery rules; in the order of
	// their numbers.
	Discovering(account string) ([]Discovering, error)

	// DuePasses returns up to limit configurations with a number beyond after
	// whose pass over the inventory is due (Configuration.Pass), in order, but
	// for deleted and loading ones.
	DuePasses(after int64, limit int) ([]*Configuration, error)

	// FailuresOf returns the failures of resources, whatever the configuration.
	FailuresOf(nums []int64) ([]OpenFailure, error)

	// ExclusionsOf returns the exclusions of resources that were not ended.
	ExclusionsOf(nums []int64) ([]Exclusion, error)

	// Exclusions returns up to limit exclusions of a configuration after the
	// place (resource, created), in that order; ended ones too when all.
	Exclusions(configuration, resource int64, created Time, all bool, limit int) ([]Exclusion, error)

	// SaveExclusion adds an exclusion, or writes the end of one.
	SaveExclusion(e *Exclusion) error

	// CountSoftware counts the applications of up to limit resources whose
	// software has changed since it was counted, and returns how many it
	// counted. It locks these resources.
	CountSoftware(limit int) (int, error)

	// SoftwareCounts returns up to limit applications of an account after a
	// place, those of the most machines first.
	SoftwareCounts(account string, after SoftwareCursor, limit int) ([]SoftwareCount, error)

	// DueExclusions returns up to limit exclusions that were not ended and
	// whose Until is at or before t.
	DueExclusions(t Time, limit int) ([]Exclusion, error)
}

// SealTx reads the chain of seals, and what they are about, for verification.
type SealTx interface {
	// NextInventory is the first account, from one on, that has resources or
	// seals; "" for none.
	NextInventory(from string) (string, error)

	// Seals returns up to limit seals of an account with a number beyond after,
	// in order; EachUnsealed calls each for the lines that no seal has yet.
	Seals(account string, after int64, limit int) ([]Seal, error)
	EachUnsealed(account string, each func(entries string) error) error

	// SealedResources returns up to limit resources of an account's inventory
	// behind an ARN, in the order of ARNs, gone ones included, as they are kept.
	SealedResources(account, after string, limit int) ([]SealedResource, error)

	// SealedExclusions calls each for every exclusion from an account's
	// configurations, with the digest that is kept beside it.
	SealedExclusions(account string, each func(e *Exclusion, digest []byte) error) error
}

// SealedResource is all that is kept of a resource.
type SealedResource struct {
	Resource
	Text     string        // of the newest facts
	Columns  FactColumns   // that searches look at
	Versions []FactsRow    // in order; Installed is not filled
	Software []SoftwareRow // in order
}

// FactColumns are columns beside the newest facts that repeat some of them.
type FactColumns struct {
	Gone, Inactive, Lost bool
	Software             int64
	Host, Platform       string
}

// SoftwareRow is a version of a resource's applications as it is kept.
type SoftwareRow struct {
	Version int64
	At      Time
	Text    string
}

// OrganizationTx keeps organizations of accounts.
type OrganizationTx interface {
	// Organization returns the organization that an account is in, or nil;
	// OrganizationByID the one of that ID. Organizations lists up to limit.
	Organization(account string) (*Organization, error)
	OrganizationByID(id string) (*Organization, error)
	Organizations(limit int) ([]*Organization, error)

	// LockOrganization locks an organization until the transaction ends: many
	// may hold it at once, or one exclusively.
	LockOrganization(id string, exclusive bool) error

	// AccountExists tells whether the deployment has an account.
	AccountExists(account string) (bool, error)

	// SaveOrganization adds an organization, or writes who is delegated.
	SaveOrganization(o *Organization) error

	// JoinOrganization adds an account, which is in none; LeaveOrganization
	// ends that. Both are kept for ever.
	JoinOrganization(id, account string, at Time) error
	LeaveOrganization(id, account string, at Time) error

	// OrganizationAccounts returns up to limit accounts that are in an
	// organization, beyond after, in the order of their numbers.
	OrganizationAccounts(id, after string, limit int) ([]OrganizationAccount, error)
}

// SharingTx keeps with whom configurations are shared, as Terms.Shares has it
// in the ledgers, and finds what crosses the border between two accounts.
type SharingTx interface {
	// SaveShares replaces the principals that a configuration is shared with.
	// A deleted one is shared with nobody.
	SaveShares(c *Configuration, principals []string) error

	// SharedConfigurations is Configurations for those that are shared with a
	// principal, as shares name it; SharedInAnyRegion returns up to limit of
	// them of every region, in the order of their numbers beyond after.
	SharedConfigurations(principal, region string, created Time, num int64, limit int) ([]*Configuration, error)
	SharedInAnyRegion(principal string, after int64, limit int) ([]*Configuration, error)

	// SharedBy returns some of the configurations that an account shares, in
	// the order of their numbers: at least one if there is any, at most limit.
	SharedBy(account string, limit int) ([]*Configuration, error)

	// SharesWith counts the configurations of a region that are shared with a
	// principal by that name, up to limit.
	SharesWith(principal, region string, limit int) (int, error)

	// ForeignAssociations returns up to limit open associations, holds
	// included, of a configuration with resources of the inventory of an
	// account other than its owner's ("" for any), in the order of resources
	// beyond after.
	ForeignAssociations(configuration int64, account string, after int64, limit int) ([]ForeignAssociation, error)

	// SharedImages returns the images of those names in the inventories of an
	// organization's accounts, but for gone ones.
	SharedImages(organization string, arns []string) ([]*Resource, error)
}

// ForeignAssociation is an open association with a resource of an inventory
// that is not the configuration owner's.
type ForeignAssociation struct {
	Resource    int64
	ResourceARN string
	Account     string // whose inventory it is in
}

// Discovering is a configuration that discovers, in short.
type Discovering struct {
	Configuration int64
	Region        string
	TermsRev      int64
	SourceRegions []string // of the account's settings in that region
}

// OpenFailure is a failure with the configuration that lists it.
type OpenFailure struct {
	Configuration int64
	Failure
}

// Exclusion keeps discovery from associating a resource with a configuration.
// Ended ones are kept: who excluded what, why and until when is evidence.
type Exclusion struct {
	Configuration int64
	Account       string // of the configuration; filled by reads
	Resource      int64
	ResourceARN   string
	Created       Time // with the two numbers, the key
	CreatedBy     string
	Reason        string
	Owner         string // who answers for it
	Until         Time   // 0: until somebody ends it
	Ended         Time   // 0 while it holds
	EndedBy       string
}

// Software is a version of the installed applications of a resource.
type Software struct {
	Resource, Version int64
	Applications      []Application
	Text              string // of Applications, where it is known already; reads leave it empty
}

// OpenAssociation is an association that holds now.
type OpenAssociation struct {
	Configuration   int64
	ConfigurationID string // lic-…; filled by reads
	Region          string // of the configuration; filled by reads
	Account         string // of the configuration; filled by reads
	Association
}

// FactsVersion is one version of a resource's facts.
type FactsVersion struct {
	Version int64
	At      Time // when it was recorded
	Facts   Facts
}

// InventoryFilter is one condition of ListResourceInventory: a documented
// name (or "tag:" and a key), a condition and a value.
type InventoryFilter struct {
	Name      string
	Condition InventoryCondition
	Value     string
}

// InventoryCondition compares an inventory attribute with a value, in AWS's
// spelling.
type InventoryCondition string

// The conditions of the API (InventoryFilterCondition).
const (
	Equals     InventoryCondition = "EQUALS"
	NotEquals  InventoryCondition = "NOT_EQUALS"
	BeginsWith InventoryCondition = "BEGINS_WITH"
	Contains   InventoryCondition = "CONTAINS"
)
