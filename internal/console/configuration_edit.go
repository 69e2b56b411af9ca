package console

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"

	"reeve/internal/api"
	"reeve/internal/awsjson"
)

// newConfiguration shows the form of a new configuration.
func (c *console) newConfiguration(v *visit) error {
	return v.showForm(http.StatusOK, newForm())
}

func (v *visit) showForm(status int, f configurationForm) error {
	title := "New configuration"
	if f.Editing {
		title = "Edit " + told(f.was.Name)
	}
	return v.show(status, "configuration-form", title, f)
}

// createConfiguration makes a configuration of what was sent, or shows the form
// again.
func (c *console) createConfiguration(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return err
	}
	f := newForm()
	f.read(v.PostForm)
	if f.do(v.PostForm.Get("do"), v.PostForm) {
		return v.showForm(http.StatusOK, f)
	}
	a, good := f.check(v)
	if !good {
		return v.showForm(http.StatusUnprocessableEntity, f)
	}
	in := &api.CreateLicenseConfigurationInput{
		Name: &f.Title.Value, LicenseCountingType: &f.Counting.Value, LicenseCount: a.count, LicenseExpiry: a.expiry, LicenseRules: a.rules, Tags: a.tags,
	}
	if f.Description.Value != "" {
		in.Description = &f.Description.Value
	}
	in.LicenseCountHardLimit, in.DisassociateWhenNotFound = &f.Hard, &f.Disassociate
	if len(a.products) > 0 {
		in.ProductInformationList = products(a.products)
	}
	var out api.CreateLicenseConfigurationOutput
	if err := v.call("CreateLicenseConfiguration", in, &out); err != nil {
		return v.refused(f, err)
	}
	if err := v.flash("Created %s.", f.Title.Value); err != nil {
		return err
	}
	v.redirect(v.configurationPath(told(out.LicenseConfigurationArn)))
	return nil
}

// refused shows a form again with the API's refusal; other errors stay errors.
func (v *visit) refused(f configurationForm, err error) error {
	var fault *awsjson.Fault
	if !errors.As(err, &fault) {
		return err
	}
	f.blame(fault.Message)
	return v.showForm(statusOf(fault), f)
}

// existing reads the configuration that an address names, to be changed.
func (v *visit) existing() (arn string, out api.GetLicenseConfigurationOutput, err error) {
	if arn, err = v.configurationARN(); err != nil {
		return arn, out, err
	}
	if err = v.call("GetLicenseConfiguration", &api.GetLicenseConfigurationInput{LicenseConfigurationArn: &arn}, &out); err == nil {
		err = v.forOwners(arn, out.Name)
	}
	return arn, out, err
}

// editConfiguration shows the form of an existing configuration.
func (c *console) editConfiguration(v *visit) error {
	arn, out, err := v.existing()
	if err != nil {
		return err
	}
	return v.showForm(http.StatusOK, v.formOf(arn, &out))
}

// updateConfiguration changes what a form that was sent has changed, or shows it
// again.
func (c *console) updateConfiguration(v *visit) error {
	if err := v.ParseForm(); err != nil {
		return err
	}
	arn, out, err := v.existing()
	if err != nil {
		return err
	}
	f := v.formOf(arn, &out)
	f.read(v.PostForm)
	f.keep(&out)
	button := v.PostForm.Get("do")
	if button == "preview" {
		return v.showPreview(arn, f)
	}
	if f.do(button, v.PostForm) {
		return v.showForm(http.StatusOK, f)
	}
	a, good := f.check(v)
	if !good {
		return v.showForm(http.StatusUnprocessableEntity, f)
	}
	if now := f.mark(); f.Seen != now {
		f.Seen, f.Error = now, "Somebody has changed this configuration since you opened the form; its revisions say how. What you entered is below: save it again to have it so."
		return v.showForm(http.StatusConflict, f)
	}
	if err := v.update(arn, &f, &a); err != nil {
		return v.refused(f, err)
	}
	if err := v.flash("Saved."); err != nil {
		return err
	}
	v.redirect(v.configurationPath(arn))
	return nil
}

// showPreview shows the form with what discovery would do by its rules.
func (v *visit) showPreview(arn string, f configurationForm) error {
	if !f.Builder.check() {
		return v.showForm(http.StatusUnprocessableEntity, f)
	}
	p, err := v.previewOf(arn, f.Builder.rules())
	if err != nil {
		return v.refused(f, err)
	}
	f.Preview = p
	return v.showForm(http.StatusOK, f)
}

// update sends what is not as it was, the terms first and then the tags.
func (v *visit) update(arn string, f *configurationForm, a *agreed) error {
	if in, changed := f.change(arn, a); changed {
		if err := v.call("UpdateLicenseConfiguration", in, new(api.UpdateLicenseConfigurationOutput)); err != nil {
			return err
		}
	}
	set, gone := tagChanges(f.was.Tags, a.tags)
	if len(gone) > 0 {
		if err := v.call("UntagResource", &api.UntagResourceInput{ResourceArn: &arn, TagKeys: gone}, new(api.UntagResourceOutput)); err != nil {
			return err
		}
	}
	if len(set) > 0 {
		return v.call("TagResource", &api.TagResourceInput{ResourceArn: &arn, Tags: set}, new(api.TagResourceOutput))
	}
	return nil
}

// change is the update that a form asks for: what it has changed, and nothing
// else, so that it undoes nothing that others have done meanwhile.
func (f *configurationForm) change(arn string, a *agreed) (in *api.UpdateLicenseConfigurationInput, changed bool) {
	in = &api.UpdateLicenseConfigurationInput{LicenseConfigurationArn: &arn}
	in.Name = differing(told(f.was.Name), f.Title.Value, &changed)
	in.Description = differing(told(f.was.Description), f.Description.Value, &changed)
	in.LicenseCountHardLimit = differing(told(f.was.LicenseCountHardLimit), f.Hard, &changed)
	in.DisassociateWhenNotFound = differing(told(f.was.DisassociateWhenNotFound), f.Disassociate, &changed)
	status := "AVAILABLE"
	if f.Disabled {
		status = "DISABLED"
	}
	in.LicenseConfigurationStatus = differing(told(f.was.Status), status, &changed)
	if a.count != nil && (f.was.LicenseCount == nil || *a.count != *f.was.LicenseCount) {
		in.LicenseCount, changed = a.count, true
	}
	if a.expiry != nil && (f.was.LicenseExpiry == nil || *a.expiry != *f.was.LicenseExpiry) {
		in.LicenseExpiry, changed = a.expiry, true
	}
	if len(a.rules) > len(f.was.LicenseRules) {
		in.LicenseRules, changed = a.rules, true
	}
	if before := builderOf(f.was.ProductInformationList); !reflect.DeepEqual(before.rules(), a.products) {
		in.ProductInformationList, changed = products(a.products), true
	}
	return in, changed
}

// differing is a member to send: nil where nothing has changed.
func differing[T comparable](was, is T, changed *bool) *T {
	if was == is {
		return nil
	}
	*changed = true
	return &is
}

// tagChanges are the tags to set and the keys to take away.
func tagChanges(was, is []api.Tag) (set []api.Tag, gone []string) {
	before, after := map[string]string{}, map[string]bool{}
	for _, t := range was {
		before[told(t.Key)] = told(t.Value)
	}
	for _, t := range is {
		after[told(t.Key)] = true
		if value, ok := before[told(t.Key)]; !ok || value != told(t.Value) {
			set = append(set, t)
		}
	}
	for _, t := range was {
		if !after[told(t.Key)] {
			gone = append(gone, told(t.Key))
		}
	}
	return set, gone
}

// deletion is the page that asks whether a configuration is to be deleted.
type deletion struct {
	Name, Action, Back, Export string
	Used                       int64
	Associated                 int64
	Error                      string
}

func (v *visit) deletionOf(arn string, out *api.GetLicenseConfigurationOutput) deletion {
	path := v.configurationPath(arn)
	d := deletion{Name: told(out.Name), Action: path + "/delete", Back: path, Used: told(out.ConsumedLicenses),
		Export: path + "?" + url.Values{"tab": {"associations"}}.Encode()}
	for _, s := range out.ManagedResourceSummaryList {
		d.Associated += told(s.AssociationCount)
	}
	return d
}

func (c *console) deletePage(v *visit) error {
	arn, out, err := v.existing()
	if err != nil {
		return err
	}
	d := v.deletionOf(arn, &out)
	return v.show(http.StatusOK, "configuration-delete", "Delete "+d.Name, d)
}

// deleteConfiguration deletes a configuration; where that is refused, the page
// says why.
func (c *console) deleteConfiguration(v *visit) error {
	arn, out, err := v.existing()
	if err != nil {
		return err
	}
	err = v.call("DeleteLicenseConfiguration", &api.DeleteLicenseConfigurationInput{LicenseConfigurationArn: &arn}, new(api.DeleteLicenseConfigurationOutput))
	var fault *awsjson.Fault
	if errors.As(err, &fault) {
		d := v.deletionOf(arn, &out)
		d.Error = fault.Message
		return v.show(statusOf(fault), "configuration-delete", "Delete "+d.Name, d)
	}
	if err != nil {
		return err
	}
	if err := v.flash("Deleted %s. Its ledger stays, and answers for the time before.", told(out.Name)); err != nil {
		return err
	}
	v.redirect(Home + "configurations")
	return nil
}
