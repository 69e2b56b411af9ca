package license

import (
	"time"
)

// Settings are the deployment's choices that change how the rules work.
type Settings struct {
	// Sandbox declares unknown, well-formed ARNs of the caller's own account
	// on first use (2 vCPUs, 1 core, 1 socket), for people who test their
	// infrastructure code against Reeve.
	Sandbox bool

	// InactiveAfter is how long a managed instance may stay unseen before it
	// becomes inactive and releases its licences. 0 means 30 days.
	InactiveAfter time.Duration

	// LostAfter is how long a managed instance may stay unseen before its
	// connection counts as lost; it keeps its licences. 0 means 2 days.
	LostAfter time.Duration

	// AWS's quotas; 0 switches one off.
	MaxConfigurations int // per account and region (AWS: 25)
	MaxCreatesPerDay  int // per account and region (AWS: about 10)
	MaxPerResource    int // configurations per resource (AWS: 10)

	// Normalise says which product an application is, whatever its vendor
	// called this release of it; false when nobody knows. Discovery rules then
	// match by that name too. It must be pure and safe for concurrent use; nil
	// knows nothing.
	Normalise func(Application) (Product, bool)
}

// Manager applies the rules. It is safe for concurrent use and keeps no state
// that another Manager over the same Store would miss.
type Manager struct {
	store    Store
	settings Settings
	clock    clock
	numbers  numbering
	rules    rulesCache
	due      chan struct{} // see DiscoveryDue

	simulating chan struct{} // has one element while SimulateUsage runs
}

// New returns a Manager over store.
func New(store Store, settings Settings) *Manager {
	if settings.InactiveAfter == 0 {
		settings.InactiveAfter = 30 * 24 * time.Hour
	}
	if settings.LostAfter == 0 {
		settings.LostAfter = 2 * 24 * time.Hour
	}
	if settings.Normalise == nil {
		settings.Normalise = func(Application) (Product, bool) { return Product{}, false }
	}
	return &Manager{store: store, settings: settings, due: make(chan struct{}, 1), simulating: make(chan struct{}, 1)}
}

// Configurations

// ConfigurationSpec is what CreateConfiguration needs. Terms.Status is not
// looked at: a new configuration is AVAILABLE.
type ConfigurationSpec struct{ Terms }

// ConfigurationChange is what UpdateConfiguration changes; nil leaves a term
// as it is.
type ConfigurationChange struct {
	Name, Description, Status *string
	Count                     *int64
	HardLimit, Disassociate   *bool
	Rules                     []string // nil: unchanged
	Products                  []ProductInformation
	Expiry                    *int64
}

// ConfigurationFilter selects configurations; nil or empty members select all.
type ConfigurationFilter struct {
	ARNs         []string
	CountingType CountingType
	HardLimit    *bool // enforceLicenseCount
	Exceeded     *bool // usagelimitExceeded: consumed > count
}

// ConfigurationCursor is a place in a list of configurations.
type ConfigurationCursor struct {
	Created Time
	Num     int64
}

// Usage lists

// UsageFilter selects usage rows; zero members select all. A value that
// cannot match selects nothing.
type UsageFilter struct {
	ResourceARN  string
	ResourceType string
	Account      string
	AsOf         *Time
}

// Cursor is a place in a list that is pinned to a revision of one
// configuration. Its first page decides the revision; later pages read it
// whatever was written meanwhile.
type Cursor struct {
	Configuration int64
	Revision      int64
	Mark          int64 // of the revision, see MarkOf
	Only          int64 // owner of the resources that the list is about; 0 for all
	After         Key
}

// UsagePage is one page of a list of usage; Next is nil on the last one.
type UsagePage struct {
	Usage []Usage
	Next  *Cursor
}

// Specification names a configuration to associate (FACTS §6.6).
type Specification struct {
	ConfigurationARN string
	Scope            string // AmiAssociationScope
}

// Inventory

// Mode says whether reported resources are facts or a request.
type Mode string

// The modes of PutResources (DESIGN §3).
const (
	Observe Mode = "observe" // facts: always recorded; what breaks a hard limit becomes a failure
	Admit   Mode = "admit"   // a request: refused as a whole when a limit or rule forbids it
)

// Put is one report of resources: what a source saw, or what somebody wants to
// launch.
type Put struct {
	Mode    Mode // "" is Observe
	DryRun  bool // decide and answer, but change nothing
	Reports []Report
}

// MaxReports is how many resources one Put may hold.
const MaxReports = 1000

// Report is what a source says of one resource. Nil members leave what is
// known as it is; pointers to zero values clear it.
type Report struct {
	ARN             string
	Type            ResourceType // "" takes it from the ARN
	Status          *string
	Platform        *string
	PlatformType    *string
	PlatformVersion *string
	InstanceType    *string
	AMI             *string
	Host            *string
	Tenancy         *string
	VCPUs           *int64
	Cores           *int64
	ThreadsPerCore  *int64
	Sockets         *int64
	Virtual         *bool
	UsageOperation  *string
	ProductCodes    []string // nil: unchanged; empty: none
	LicenseIncluded []string
	EngineEdition   *string
	LicensePacks    []string
	Name            *string
	Tags            []Tag
	Applications    []Application

	// FromAgent: an inventory agent on the machine made the report. One
	// without any software, of a machine that had some, is then not believed:
	// the software stays as it is known, nothing is released, and each
	// configuration that discovered the machine lists a failure.
	FromAgent bool

	// Instance is the ID of the EC2 instance that an agent says it runs on.
	// When the inventory has that, it takes the report in the place of ARN.
	Instance string
}

// PutResult says what a PutResources call did.
type PutResult struct {
	Created, Changed, Unchanged int
	Failures                    []PutFailure // what could not be licensed; Mode Observe only
}

// PutFailure is a resource that a Put could not license.
type PutFailure struct {
	ResourceARN      string
	ConfigurationARN string
	Message          string
}

// Evidence

// Step is one line of an explanation: a fact, a term, a rule or the result,
// with the value that it used.
type Step struct {
	Kind  string // fact, term, rule, result
	Name  string
	Value string
	Note  string // in plain words
}

// Explanation says why a resource consumes what it consumes at a moment.
type Explanation struct {
	ConfigurationARN string
	ResourceARN      string
	AsOf             Time // the moment asked for
	Revision         int64
	RevisionAt       Time
	Associated       bool
	AssociationTime  Time
	Consumed         int64
	CountedOn        string // ARN of the resource whose row carries the count
	Steps            []Step
}

// HistoryPoint is one step of a configuration's history.
type HistoryPoint struct {
	From     Time
	Consumed int64  // at the end of the step
	Peak     int64  // the highest during the step
	Count    *int64 // the limit at the end of the step; nil: unlimited
	Hard     bool
}

// History is a configuration's consumption over time.
type History struct {
	From, To Time
	Step     time.Duration
	Points   []HistoryPoint
}

// Difference is one resource whose usage differs between two moments; From or
// To is nil where it did not consume then.
type Difference struct {
	From, To *Usage
}

// Comparison is one page of the differences between two moments. Scanned
// pages may hold few or no differences; Next nil ends the list.
type Comparison struct {
	From, To           Time
	FromRevision       int64
	ToRevision         int64
	FromConsumed       int64
	ToConsumed         int64
	FromCount, ToCount *int64
	Differences        []Difference
	Next               *Key
}

// ReportKind is what a VerifyReport is about.
type ReportKind string

// The kinds of reports, as the wire has them.
const (
	LedgerReport      ReportKind = "ledger"      // one configuration
	InventoryReport   ReportKind = "inventory"   // an account's facts
	CheckpointsReport ReportKind = "checkpoints" // an account's ledgers against its checkpoints
)

// VerifyReport is what a verification found in one ledger or account.
type VerifyReport struct {
	Kind             ReportKind
	ConfigurationARN string // of a ledger; else a name for people
	Account          string
	Revisions        int64
	Intervals        int64
	Fault            string // "" when everything agrees; else the first fault, by name
}
