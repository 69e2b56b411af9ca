// Package sample makes up a company and the year that it has had: about three
// thousand machines of five accounts, what was bought for them, and what they
// used, day after day until yesterday. [Load] puts it into the caller's own
// inventory and ledgers through [license.Loader], so a new deployment has
// something to look at: growth, purchases, a limit that is broken, refusals at
// a hard limit, machines that came and went.
//
// The company is the same every time: what is drawn is drawn from fixed seeds.
// Only the calendar moves, as the year always ends the day before the load.
//
// The parts of the company are in a file each: servers.go, autoscaling.go,
// hosts.go, databases.go, workplace.go and datacentre.go. Each tells its
// [world] what happens on a day; write.go takes a day to the ledgers.
package sample

import (
	"context"
	"errors"
	"fmt"
	"time"

	"reeve/internal/license"
)

// Tag is the key that marks the sample's licence configurations, and its
// images in the inventory.
const Tag = "reeve:sample"

// tagValue is the sample's edition; a change of what is made up raises it.
const tagValue = "1"

// days is how long the company's year is.
const days = 365

// ErrUnfinished is what Load returns when the inventory holds machines of the
// sample that no configuration of it goes with.
var ErrUnfinished = errors.New("the sample was not loaded: its machines are in the inventory already, but its license configurations are not. An earlier load was interrupted, or they were deleted. Start with an empty database to load it again")

// Summary is what a load did.
type Summary struct {
	Configurations []Configuration // in the order of their creation
	Resources      int             // in the inventory at the end of the year
	Revisions      int             // of all configurations together
	Skipped        bool            // the sample was there already: nothing was done
}

// Configuration names a licence configuration of the sample.
type Configuration struct{ ARN, Name string }

// Load writes the sample's year, which ends before the midnight (UTC) that
// begins the day of now, into the caller's account and region. now may not be
// ahead of the database's clock. progress, which may be nil, is called after
// each day with the number of days done and in all.
//
// When the account and region have the sample already, Load changes nothing
// and says so in the Summary. A load that ends with an error, or by ctx,
// leaves machines without their configurations; see [ErrUnfinished].
func Load(ctx context.Context, m *license.Manager, who license.Caller, now license.Time, progress func(done, total int)) (Summary, error) {
	there, err := find(ctx, m, who)
	if err != nil {
		return Summary{}, err
	}
	if len(there) > 0 {
		return Summary{Configurations: there, Skipped: true}, nil
	}
	if err := checkUnfinished(ctx, m, who); err != nil {
		return Summary{}, err
	}
	start := now.Std().Truncate(24*time.Hour).AddDate(0, 0, -days)
	w := &writer{loader: m.NewHistory(who), world: newWorld(who, start), arns: map[contractKey]string{}}
	if err := w.year(ctx, progress); err != nil {
		return Summary{}, fmt.Errorf("load sample: %w", err)
	}
	return summarize(ctx, m, who, w)
}

// pageSize is how many rows a look at what is there reads at once.
const pageSize = 100

// find lists the configurations that an earlier load made.
func find(ctx context.Context, m *license.Manager, who license.Caller) ([]Configuration, error) {
	var found []Configuration
	var after *license.ConfigurationCursor
	for {
		list, next, err := m.ListConfigurations(ctx, who, license.ConfigurationFilter{}, after, pageSize)
		if err != nil {
			return nil, fmt.Errorf("look for the sample: %w", err)
		}
		for _, c := range list {
			if tagged(c.Terms.Tags) {
				found = append(found, Configuration{c.ARN(), c.Terms.Name})
			}
		}
		if next == nil {
			return found, nil
		}
		after = next
	}
}

func tagged(tags []license.Tag) bool {
	for _, t := range tags {
		if t.Key == Tag {
			return true
		}
	}
	return false
}

// checkUnfinished refuses to load a second year for machines that had one:
// their history would run backwards.
func checkUnfinished(ctx context.Context, m *license.Manager, who license.Caller) error {
	marked := []license.InventoryFilter{{Name: "tag:" + Tag, Condition: license.Equals, Value: tagValue}}
	for after := int64(0); ; {
		images, next, err := m.ListInventory(ctx, who, marked, after, pageSize)
		if err != nil {
			return fmt.Errorf("look for the sample: %w", err)
		}
		for _, image := range images {
			if name, err := license.ParseResourceARN(image.ARN); err == nil && name.Region == who.Region {
				return ErrUnfinished
			}
		}
		if next == 0 {
			return nil
		}
		after = next
	}
}

func summarize(ctx context.Context, m *license.Manager, who license.Caller, w *writer) (Summary, error) {
	s := Summary{Resources: w.world.alive()}
	for _, contract := range contracts {
		c, err := m.Configuration(ctx, who, w.arns[contract.key])
		if err != nil {
			return Summary{}, fmt.Errorf("read sample: %w", err)
		}
		s.Configurations = append(s.Configurations, Configuration{c.ARN(), c.Terms.Name})
		s.Revisions += int(c.Head)
	}
	return s, nil
}
