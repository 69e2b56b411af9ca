package console

import (
	"net/http"

	"reeve/internal/api"
)

// overview is the first page: where every configuration stands.
func (c *console) overview(v *visit) error {
	var out api.ListLicenseConfigurationsOutput
	if err := v.call("ListLicenseConfigurations", &api.ListLicenseConfigurationsInput{}, &out); err != nil {
		return err
	}
	return v.show(http.StatusOK, "overview", "Overview", out)
}
