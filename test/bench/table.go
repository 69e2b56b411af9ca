package main

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
)

// printTable writes the measured cases, and the ratios between them that the
// design promises.
func printTable(w io.Writer, o options, database string, rows []row) {
	fmt.Fprintf(w, "ListUsageForLicenseConfiguration over HTTP, SigV4 verified, %s; %s/%s, %d CPUs, %d connections, median of %d rounds of %s.\n",
		database, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), o.clients, o.rounds, o.slice)
	fmt.Fprintln(w, "ratio: answers a second, divided by those of a handler that sends the same bytes from memory.")
	fmt.Fprintln(w, "repeated pages may come from the cache of encoded pages; all others are put together from the tree each time.")
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "records\tpage\tcase\tbytes\tanswers/s\tratio\t(least\tmost)\tMiB\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%d\t%d\t%s\t%d\t%.0f\t%.2f\t(%.2f\t%.2f)\t%d\t\n", r.records, r.page, r.name, r.bytes, r.rate, r.ratio, r.least, r.most, r.memory)
	}
	t.Flush()
	fmt.Fprintln(w)
	printComparisons(w, rows)
}

// comparison divides the time of one case by that of another.
type comparison struct {
	name       string
	slow, fast string // cases
	most       float64
}

func printComparisons(w io.Writer, rows []row) {
	largest, smallest := rows[len(rows)-1].records, rows[0].records
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "time of a page of 50\tmeasured\tpromised\n")
	for _, c := range []comparison{
		{name: "last page / first page", slow: "last page", fast: "first page", most: 1.5},
		{name: "filtered by type / not", slow: "type=RDS, random pages", fast: "random pages", most: 2},
		{name: "filtered by account / not", slow: "account, random pages", fast: "random pages", most: 2},
		{name: "as of old / now", slow: "asOf old, random pages", fast: "random pages", most: 5},
	} {
		printComparison(t, rows, c, largest, largest)
	}
	printComparison(t, rows, comparison{name: fmt.Sprintf("%d records / %d", largest, smallest), slow: "random pages", fast: "random pages", most: 1.3}, largest, smallest)
	t.Flush()
}

func printComparison(w io.Writer, rows []row, c comparison, slowRecords, fastRecords int) {
	slow, fast := find(rows, slowRecords, c.slow), find(rows, fastRecords, c.fast)
	if slow == nil || fast == nil || slow.ratio == 0 {
		return
	}
	fmt.Fprintf(w, "%s\t%.2f\t<= %.1f\n", c.name, fast.ratio/slow.ratio, c.most)
}

func find(rows []row, records int, name string) *row {
	for i := range rows {
		if rows[i].records == records && rows[i].name == name && rows[i].page == 50 {
			return &rows[i]
		}
	}
	return nil
}
