package sample

import (
	"context"
	"fmt"
	"slices"
	"time"

	"reeve/internal/license"
)

// writer takes the days of a world to the ledgers, each step of a day at an
// hour of its own.
type writer struct {
	loader *license.Loader
	world  *world
	arns   map[contractKey]string
}

// The hours (UTC) at which a day's changes take effect.
const (
	imagesAt          = 4 * time.Hour // on the first day only
	imagesAssociateAt = 5 * time.Hour
	termsAt           = 6 * time.Hour
	dissociateAt      = 6*time.Hour + 20*time.Minute
	reportAt          = 7 * time.Hour
	associateAt       = 7*time.Hour + 40*time.Minute
	reportEvery       = time.Minute // between the calls of a day with many reports
)

func (w *writer) year(ctx context.Context, progress func(done, total int)) error {
	for day := range days {
		if err := w.day(ctx, day); err != nil {
			return err
		}
		if progress != nil {
			progress(day+1, days)
		}
	}
	return w.loader.Seal(ctx)
}

func (w *writer) day(ctx context.Context, day int) error {
	w.world.day = day
	if day == 0 {
		if err := w.found(ctx); err != nil {
			return err
		}
	}
	if err := w.changeTerms(ctx); err != nil {
		return err
	}
	w.world.live()
	if err := w.each(ctx, dissociateAt, w.world.dissociate, w.loader.Dissociate); err != nil {
		return err
	}
	return w.report(ctx, reportAt, associateAt)
}

// found makes the contracts and the first images: machines inherit only from
// images that were associated before.
func (w *writer) found(ctx context.Context) error {
	if err := w.create(ctx); err != nil {
		return err
	}
	w.world.introduceImages()
	return w.report(ctx, imagesAt, imagesAssociateAt)
}

// at is a time of the world's day.
func (w *writer) at(hour time.Duration) license.Time {
	return license.TimeOf(w.world.midnight().Add(hour))
}

func (w *writer) create(ctx context.Context) error {
	for i, c := range contracts {
		at := license.TimeOf(w.world.midnight().Add(time.Duration(i) * time.Minute))
		arn, err := w.loader.Create(ctx, at, license.ConfigurationSpec{Terms: c.terms()})
		if err != nil {
			return fmt.Errorf("create %s: %w", c.name, err)
		}
		w.arns[c.key] = arn
	}
	return nil
}

// changeTerms makes the day's purchases and other changes. After a purchase
// under a hard limit, machines that were refused are tried again.
func (w *writer) changeTerms(ctx context.Context) error {
	for _, c := range contracts {
		for _, change := range c.changes {
			if change.day != w.world.day {
				continue
			}
			if err := w.loader.Change(ctx, w.at(termsAt), w.arns[c.key], change.ConfigurationChange); err != nil {
				return fmt.Errorf("change %s: %w", c.name, err)
			}
			if c.hard && change.Count != nil {
				w.world.retry(c.key)
			}
		}
	}
	return nil
}

// report writes what the world reports and whom it associates.
func (w *writer) report(ctx context.Context, hour, associateHour time.Duration) error {
	at := w.at(hour)
	for reports := range slices.Chunk(w.world.reports, license.MaxReports) {
		if err := w.put(ctx, at, reports); err != nil {
			return err
		}
		at += license.Time(reportEvery.Microseconds())
	}
	if err := w.each(ctx, associateHour, w.world.associate, w.loader.Associate); err != nil {
		return err
	}
	w.world.written()
	return nil
}

func (w *writer) put(ctx context.Context, at license.Time, reports []*license.Report) error {
	values := make([]license.Report, len(reports))
	for i, r := range reports {
		values[i] = *r
	}
	if err := w.loader.Put(ctx, at, values); err != nil {
		return fmt.Errorf("report machines: %w", err)
	}
	return nil
}

// each calls fn for every contract that has resources in the map.
func (w *writer) each(ctx context.Context, hour time.Duration, byContract map[contractKey][]string, fn func(context.Context, license.Time, string, []string) error) error {
	for _, c := range contracts {
		if arns := byContract[c.key]; len(arns) > 0 {
			if err := fn(ctx, w.at(hour), w.arns[c.key], arns); err != nil {
				return fmt.Errorf("associate with %s: %w", c.name, err)
			}
		}
	}
	return nil
}
