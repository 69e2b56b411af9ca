package console

import (
	"net/http"
	"slices"

	"reeve/internal/api"
)

const failuresPath = Home + "configurations/failures"

// Bounds of the list of all failures.
const (
	failingConfigurations = 15 // that are asked for theirs
	failuresOfOne         = 10 // of each
)

// failuresBody is what could not be licensed, in all configurations.
type failuresBody struct {
	Rows []failingRow
	Cut  bool // there are more, or may be
}

// failingRow is a failure with the configuration that has it.
type failingRow struct {
	failureRow
	Name, Path string
}

// failures lists the machines that could not be licensed, whichever the
// configuration, the worst configuration first.
func (c *console) failures(v *visit) error {
	all, cut, err := v.positions(nil)
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b api.Position) int { return worseFirst(&a, &b, c.Now()) })
	body := failuresBody{Cut: cut}
	var links []*resourceLink
	asked := 0
	for i := range all {
		if told(all[i].FailureCount) == 0 {
			continue
		}
		if asked++; asked > failingConfigurations {
			body.Cut = true
			break
		}
		rows, more, err := v.failuresOf(&all[i])
		if err != nil {
			return err
		}
		body.Rows, body.Cut = append(body.Rows, rows...), body.Cut || more
	}
	for i := range body.Rows {
		links = append(links, body.Rows[i].resourceLink)
	}
	if err := v.nameLinks(links...); err != nil {
		return err
	}
	return v.show(http.StatusOK, "failures", "Without a licence", body)
}

// failuresOf lists the failures of one configuration.
func (v *visit) failuresOf(p *api.Position) (rows []failingRow, more bool, err error) {
	arn, name := told(p.LicenseConfigurationArn), clipped(told(p.Name))
	in := &api.ListFailuresForLicenseConfigurationOperationsInput{LicenseConfigurationArn: &arn, MaxResults: new(int64(failuresOfOne))}
	var out api.ListFailuresForLicenseConfigurationOperationsOutput
	if err := v.call("ListFailuresForLicenseConfigurationOperations", in, &out); err != nil {
		return nil, false, err
	}
	view := &configurationView{visit: v, arn: arn}
	for i := range out.LicenseOperationFailureList {
		rows = append(rows, failingRow{view.failureRow(&out.LicenseOperationFailureList[i]), name, v.configurationPath(arn)})
	}
	return rows, out.NextToken != nil, nil
}
