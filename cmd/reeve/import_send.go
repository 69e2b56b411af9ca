package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"reeve/internal/api"
	"reeve/internal/client"
	"reeve/internal/source"
)

// The limits of one PutResources request.
const (
	batchResources = 1000
	batchBytes     = 4<<20 - 4096 // the API's 4 MiB less what surrounds the resources
)

// shownFailures bounds how many failures are printed.
const shownFailures = 1000

// importer sends resources in batches and adds up what the server says.
type importer struct {
	p        *process
	progress *progress
	c        *client.Client
	mode     string
	dryRun   bool
	total    int

	batch  []api.Resource
	places map[string]string // file:line of each resource of the batch, by ARN
	from   string            // file:line of its first
	size   int

	done, created, changed, unchanged int64
	failed                            int64
	failures                          []api.ResourceFailure // the first shownFailures of these
}

func (i *importer) putAll(ctx context.Context, inputs []input, opts source.Options) error {
	defer i.progress.clear()
	for _, in := range inputs {
		_, err := in.read(opts, func(item source.Item) error { return i.add(ctx, in.name, item) })
		if err != nil {
			return err
		}
	}
	return i.flush(ctx)
}

// add puts a resource into the batch. A batch is sent before it grows too large,
// and before another file reports a machine that is in it: one request may name
// a resource once, and the later file has the last word.
func (i *importer) add(ctx context.Context, file string, item source.Item) error {
	place := fmt.Sprintf("%s:%d", file, item.Line)
	encoded, err := json.Marshal(item.Resource)
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	arn := val(item.Resource.ResourceArn)
	_, again := i.places[arn]
	if again || len(i.batch) == batchResources || i.size+len(encoded)+1 > batchBytes {
		if err := i.flush(ctx); err != nil {
			return err
		}
	}
	if len(i.batch) == 0 {
		i.from, i.places = place, make(map[string]string)
	}
	i.batch = append(i.batch, item.Resource)
	i.places[arn] = place
	i.size += len(encoded) + 1
	return nil
}

func (i *importer) flush(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	var out api.PutResourcesOutput
	in := api.PutResourcesInput{Resources: i.batch, Mode: &i.mode, DryRun: optional(i.dryRun)}
	if err := call(ctx, i.c, api.Reeve+".PutResources", in, &out); err != nil {
		return i.stopped(err)
	}
	i.done += int64(len(i.batch))
	i.created += val(out.Created)
	i.changed += val(out.Changed)
	i.unchanged += val(out.Unchanged)
	i.batch, i.places, i.size = i.batch[:0], nil, 0
	if err := i.listFailures(out.Failures); err != nil {
		return err
	}
	i.progress.show(i.done, int64(i.total), fmt.Sprintf("%d of %s", i.done, counted(int64(i.total), "resource")))
	return nil
}

// stopped says from where on nothing was imported, as a request is answered or
// refused as a whole, and which line the server's sentence is about.
func (i *importer) stopped(err error) error {
	verb := "the import stopped at"
	if i.dryRun {
		verb = "an import would stop at"
	}
	var refusal *client.Error
	if errors.As(err, &refusal) {
		for _, r := range i.batch[1:] {
			if arn := val(r.ResourceArn); mentions(refusal.Message, arn) {
				return fmt.Errorf("%s %s, because of %s: %w", verb, i.from, i.places[arn], err)
			}
		}
	}
	return fmt.Errorf("%s %s: %w", verb, i.from, err)
}

// mentions tells whether text names an ARN, and not one that only begins alike.
func mentions(text, arn string) bool {
	_, after, found := strings.Cut(text, arn)
	return found && (after == "" || strings.ContainsRune(" :,.;", rune(after[0])))
}

// listFailures shows people each failure as it comes, and keeps them for
// programs.
func (i *importer) listFailures(failures []api.ResourceFailure) error {
	for _, f := range failures {
		if i.failed++; i.failed > shownFailures {
			continue
		}
		if !i.p.forPeople() {
			i.failures = append(i.failures, f)
			continue
		}
		i.progress.clear()
		if _, err := fmt.Fprintf(i.p.stdout, "unlicensed: %s: %s\n", printable(val(f.ResourceArn)), printable(val(f.Message))); err != nil {
			return err
		}
	}
	return nil
}

// importedView shows the sum of all answers.
var importedView = view[api.PutResourcesOutput]{
	[]column{{key: "Created"}, {key: "Changed"}, {key: "Unchanged"}, {key: "Failures"}},
	func(out *api.PutResourcesOutput) []any {
		return []any{val(out.Created), val(out.Changed), val(out.Unchanged), int64(len(out.Failures))}
	},
}

// summary says what was done, also of an import that did not end.
func (i *importer) summary(failed bool) error {
	if failed && i.done == 0 {
		return nil
	}
	verb, what := "imported", counted(i.done, "resource")
	if i.dryRun {
		verb = "nothing was changed; an import would put"
	}
	if failed {
		what = fmt.Sprintf("%d of %s", i.done, counted(int64(i.total), "resource"))
	}
	line := fmt.Sprintf("%s %s: %d created, %d changed, %d unchanged", verb, what, i.created, i.changed, i.unchanged)
	if i.failed > 0 {
		line += "; " + counted(i.failed, "time") + " no licence was free or a rule forbade one"
	}
	sum := api.PutResourcesOutput{Created: &i.created, Changed: &i.changed, Unchanged: &i.unchanged, Failures: i.failures}
	return printSaid(i.p, importedView, &sum, line+"\n")
}
