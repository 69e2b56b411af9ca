// Package license holds the rules of Reeve: what a licence configuration is,
// what counts against it, who may change it, and how every change becomes a
// revision of the configuration's ledger.
//
// The package knows neither HTTP nor SQL. Everything that changes or reads the
// ledger (the API, the console, imports, jobs) goes through a [Manager], so no
// rule, permission or ledger entry can be bypassed. A Manager works over a
// [Store], which package store implements for SQLite and PostgreSQL.
package license

import "time"

// Time is a moment in microseconds since the Unix epoch, UTC.
type Time int64

// TimeOf returns t as a Time; what is finer than a microsecond is cut off.
func TimeOf(t time.Time) Time { return Time(t.UnixMicro()) }

// Std returns t as a time.Time in UTC.
func (t Time) Std() time.Time { return time.UnixMicro(int64(t)).UTC() }

// String is RFC 3339 in UTC with microseconds: the form every message and
// every explanation uses.
func (t Time) String() string { return t.Std().Format("2006-01-02T15:04:05.000000Z") }

// Caller is who asks: an account, the region its request was signed for, and
// what the ledger remembers of the request. A Caller is proven (a verified
// signature, or the server itself) before it reaches a Manager.
type Caller struct {
	Account   string // 12 digits
	Region    string // region of the credential scope
	Principal string // ARN of who signed, as revisions record it
	Root      bool   // the deployment's first account, which may administer
	Operation string // API operation or job; becomes the revision's cause
}

// CountingType is the basis on which licences are counted, in AWS's spelling.
type CountingType string

// The counting types of the API (LicenseCountingType).
const (
	VCPU     CountingType = "vCPU"
	Instance CountingType = "Instance"
	Core     CountingType = "Core"
	Socket   CountingType = "Socket"
)

// ResourceType is a kind of resource, in AWS's spelling.
type ResourceType string

// The resource types of the API (ResourceType).
const (
	EC2Instance     ResourceType = "EC2_INSTANCE"
	EC2Host         ResourceType = "EC2_HOST"
	EC2AMI          ResourceType = "EC2_AMI"
	RDS             ResourceType = "RDS"
	ManagedInstance ResourceType = "SYSTEMS_MANAGER_MANAGED_INSTANCE"
)

// ResourceTypes lists every type in the order of its number (see
// [ResourceType.Number]).
var ResourceTypes = [...]ResourceType{EC2Instance, EC2Host, EC2AMI, RDS, ManagedInstance}

// Number is the type's place in ResourceTypes, or -1 for an unknown type.
// Stores keep it: a number never changes its meaning.
func (t ResourceType) Number() int {
	for i, known := range ResourceTypes {
		if t == known {
			return i
		}
	}
	return -1
}

// Tag is a key with a value; the value may be empty.
type Tag struct {
	Key   string `json:"k"`
	Value string `json:"v"`
}

// Status values of a Configuration (LicenseConfigurationStatus).
const (
	Available = "AVAILABLE"
	Disabled  = "DISABLED"

	deletedTerms = "DELETED" // of a deleted one, in its ledger alone
)

// Terms are what was agreed and how it is counted. They are part of the
// ledger: every change is a revision, so the terms at a past moment are as
// certain as the usage. The JSON form is what the ledger stores and hashes;
// its names never change.
type Terms struct {
	Name         string               `json:"name"`
	Description  string               `json:"description,omitempty"`
	CountingType CountingType         `json:"counting_type"`
	Count        *int64               `json:"count,omitempty"` // nil: unlimited
	HardLimit    bool                 `json:"hard_limit,omitempty"`
	Rules        []string             `json:"rules,omitempty"` // as given, "#name=value"
	Status       string               `json:"status"`
	Disassociate bool                 `json:"disassociate_when_not_found,omitempty"`
	Products     []ProductInformation `json:"products,omitempty"`
	Expiry       *int64               `json:"expiry,omitempty"` // Unix seconds
	Tags         []Tag                `json:"tags,omitempty"`   // sorted by key
	Shares       []string             `json:"shares,omitempty"` // accounts and organizations, sorted
}

// ProductInformation is one automated-discovery rule (FACTS §6.7).
type ProductInformation struct {
	ResourceType string          `json:"resource_type"` // SSM_MANAGED or RDS
	Filters      []ProductFilter `json:"filters"`
}

// ProductFilter is one condition of a ProductInformation.
type ProductFilter struct {
	Name       string   `json:"name"`
	Values     []string `json:"values,omitempty"`
	Comparator string   `json:"comparator"`
}

// Counters are the sums after a revision. Both arrays are indexed by
// [ResourceType.Number]. Consumed is the sum of ConsumedBy, and each of
// these the sum of the open usage intervals of its type.
type Counters struct {
	Consumed     int64                     `json:"consumed"`
	ConsumedBy   [len(ResourceTypes)]int64 `json:"consumed_by"`
	AssociatedBy [len(ResourceTypes)]int64 `json:"associated_by"`
}

// Configuration is one licence configuration with the head of its ledger.
type Configuration struct {
	Num     int64  // key in the store, random, unique in a deployment
	ID      string // lic- and 32 hex digits
	Account string // owner
	Region  string
	Created Time
	Deleted Time // 0 while it exists
	Loading bool // history is being loaded; answers nothing until sealed

	Head     int64 // number of the newest revision; the first is 1
	HeadAt   Time  // its effective time
	HeadHash []byte
	TermsRev int64 // the revision that set Terms
	Terms    Terms
	Counters Counters
	NextNode int64 // next free node number of the ledger's trees
	Settled  Time  // no later revision takes effect at or before it; never below what was answered for

	// Of automated discovery; conveniences, and no part of the ledger.
	Pass    int64 // 0: no pass over the inventory is due; else it goes on after the resource number Pass-1
	LastRun Time  // when discovery last changed something here, or ended a pass; 0: never

	PassAccount string // whose inventory the pass looks at; "": the owner's

	Unreadable error // of EveryConfiguration alone: why Counters or Terms are not all there
}

// ARN names the configuration to clients.
func (c *Configuration) ARN() string {
	return "arn:aws:license-manager:" + c.Region + ":" + c.Account + ":license-configuration:" + c.ID
}

// Revision is one committed change of a configuration's ledger. Revisions are
// only ever appended; each carries the hash of the one before.
type Revision struct {
	Number   int64 // 1, 2, 3 … without gaps
	At       Time  // effective time, strictly increasing
	Recorded Time  // the clock at recording; differs from At only in loaded history
	Caller   string
	Cause    string
	Counters Counters
	TermsRev int64   // revision whose Terms hold here
	Terms    []byte  // the Terms as JSON when this revision set them, else nil
	Changes  []byte  // what opened and closed, one line each (see changes.go)
	Nodes    []int64 // tree nodes this revision wrote; for caches, not hashed
	Hash     []byte  // SHA-256 over the hash before and all of the above but Nodes
}

// Key orders usage and associations inside a configuration: by the account
// that owns the resource, then by the resource's number in the store.
type Key struct {
	Owner    int64 // the 12 digits as a number
	Resource int64
}

// Compare orders keys: negative, zero or positive.
func (k Key) Compare(o Key) int {
	switch {
	case k.Owner != o.Owner && k.Owner < o.Owner, k.Owner == o.Owner && k.Resource < o.Resource:
		return -1
	case k == o:
		return 0
	}
	return 1
}

// Usage is what one resource consumes of a configuration during one interval
// of revisions.
type Usage struct {
	Key
	ResourceARN     string
	Type            ResourceType
	Status          string // the resource's own status, such as running
	AssociationTime Time
	Consumed        int64 // at least 1
	Facts           int64 // version of the resource's facts that was counted
}

// Association ties a resource to a configuration during one interval of
// revisions, whether it consumes or not.
type Association struct {
	Key
	ResourceARN     string
	Type            ResourceType
	AssociationTime Time
	Scope           string // AmiAssociationScope; "" or "cross-account"
	Origin          string // OriginRequest, OriginAMI, OriginDiscovery, OriginAffinity
	Unlicensed      bool   // associated, but no licence was free or a rule forbids it
	Facts           int64  // version of the resource's facts it was judged by
	Until           Time   // OriginAffinity: when the hold ends; else 0
}

// Where an association came from.
const (
	OriginRequest   = "request"   // somebody asked for it
	OriginAMI       = "ami"       // inherited from the image a machine was launched from
	OriginDiscovery = "discovery" // a rule of ProductInformationList matches
	OriginAffinity  = "affinity"  // a released licence kept on its host (licenseAffinityToHost)
)

// Resource is a machine, host, image or database in an account's inventory.
type Resource struct {
	Num     int64  // unique in a deployment, increasing with time
	Account string // whose inventory it is in
	Owner   string // ResourceOwnerId: the account in its ARN, else Account
	ARN     string
	Type    ResourceType
	Created Time
	Seen    Time  // last report, exact to an hour (see SeenGrain)
	Version int64 // newest version of Facts; the first is 1
	Facts   Facts
	Digest  []byte // of that version, see FactsRow

	// Installed is the SoftwareHash of the applications that are saved with
	// Facts, nil when those of the version before stay. It is not kept.
	Installed []byte
}

// Facts are what is known of a resource, kept by version. The JSON form is
// what the store keeps; its names never change. Zero values mean "not known".
type Facts struct {
	Status          string   `json:"status"`
	Platform        string   `json:"platform,omitempty"`
	PlatformType    string   `json:"platform_type,omitempty"` // Linux, Windows, macOS
	PlatformVersion string   `json:"platform_version,omitempty"`
	System          string   `json:"system,omitempty"`         // what an agent on an EC2 instance calls its platform
	SystemVersion   string   `json:"system_version,omitempty"` // likewise
	InstanceType    string   `json:"instance_type,omitempty"`
	AMI             string   `json:"ami,omitempty"`  // ami-…
	Host            string   `json:"host,omitempty"` // h-… or the ARN of the machine it runs on
	Tenancy         string   `json:"tenancy,omitempty"`
	VCPUs           int64    `json:"vcpus,omitempty"`
	Cores           int64    `json:"cores,omitempty"` // in all, not per socket
	ThreadsPerCore  int64    `json:"threads_per_core,omitempty"`
	Sockets         int64    `json:"sockets,omitempty"`
	Virtual         *bool    `json:"virtual,omitempty"`
	UsageOperation  string   `json:"usage_operation,omitempty"`
	ProductCodes    []string `json:"product_codes,omitempty"`
	LicenseIncluded []string `json:"license_included,omitempty"`
	EngineEdition   string   `json:"engine_edition,omitempty"`
	LicensePacks    []string `json:"license_packs,omitempty"`
	Name            string   `json:"name,omitempty"`     // what its people call it
	Tags            []Tag    `json:"tags,omitempty"`     // sorted by key
	Software        int64    `json:"software,omitempty"` // version of the installed applications; 0: none reported
	MovedTo         string   `json:"moved_to,omitempty"` // ARN of the EC2 instance that this managed instance turned out to be
}

// Application is one installed program of a resource.
type Application struct {
	Name      string `json:"name"`
	Publisher string `json:"publisher,omitempty"`
	Version   string `json:"version,omitempty"`
}

// Failure is an association or consumption that a fact asked for and that was
// not made. A configuration keeps one per resource, the newest; it goes when
// the resource is licensed, dissociated or gone.
type Failure struct {
	Key
	ResourceARN string
	Type        ResourceType
	Message     string
	Time        Time
	Operation   string
	RequestedBy string
}

// ServiceSettings are an account's settings in one region. The JSON form is
// what the store keeps.
type ServiceSettings struct {
	S3BucketARN           string   `json:"s3_bucket_arn,omitempty"`
	SNSTopicARN           string   `json:"sns_topic_arn,omitempty"`
	Integration           bool     `json:"integration,omitempty"`
	CrossAccountDiscovery bool     `json:"cross_account_discovery,omitempty"`
	SourceRegions         []string `json:"source_regions,omitempty"`

	ResourceShareARN string `json:"-"` // of the organization, once it is integrated
}
