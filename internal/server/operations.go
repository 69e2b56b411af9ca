package server

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"

	"reeve/internal/api"
	"reeve/internal/awsjson"
	"reeve/internal/license"
)

// maxReports is the size of the body of PutResources, in bytes: 1000 machines
// with all that is installed on them.
const maxReports = 8 << 20

// Why operations of the model are not there yet.
const (
	sellerSide  = "issued licences, grants, tokens and checkout are a ledger of their own, which comes after that of the configurations"
	assetGroups = "asset groups and rulesets group what the inventory already lists; nothing is lost without them"
	reportFiles = "report generators write to S3, which Reeve has no need of: a report is a query at a moment"
	conversion  = "Reeve does not change what a machine is billed for"
)

// table lists every operation of both services, one line each.
func (s *server) table() []row {
	return slices.Concat(s.answered(), s.ours(), s.sharing(), unanswered())
}

// answered lists the operations of AWS License Manager that Reeve has. Adding an operation begins
// here; docs/adding-an-operation.md lists the other steps.
func (s *server) answered() []row {
	return []row{
		op("CreateLicenseConfiguration", s.createLicenseConfiguration),
		op("GetLicenseConfiguration", s.getLicenseConfiguration),
		op("UpdateLicenseConfiguration", s.updateLicenseConfiguration),
		op("DeleteLicenseConfiguration", s.deleteLicenseConfiguration),
		op("ListLicenseConfigurations", s.listLicenseConfigurations),
		op("ListLicenseConfigurationsForOrganization", s.listLicenseConfigurationsForOrganization),
		op("ListUsageForLicenseConfiguration", s.listUsageForLicenseConfiguration),
		op("ListAssociationsForLicenseConfiguration", s.listAssociationsForLicenseConfiguration),
		op("ListFailuresForLicenseConfigurationOperations", s.listFailuresForLicenseConfigurationOperations),
		op("ListLicenseSpecificationsForResource", s.listLicenseSpecificationsForResource),
		op("UpdateLicenseSpecificationsForResource", s.updateLicenseSpecificationsForResource),
		op("ListResourceInventory", s.listResourceInventory),
		op("GetServiceSettings", s.getServiceSettings),
		op("UpdateServiceSettings", s.updateServiceSettings),
		op("TagResource", s.tagResource),
		op("UntagResource", s.untagResource),
		op("ListTagsForResource", s.listTagsForResource),
	}
}

// ours lists Reeve's own operations.
func (s *server) ours() []row {
	return []row{
		op("PutResources", s.putResources).sized(maxReports),
		op("DeleteResources", s.deleteResources).sized(4 << 20),
		op("GetResource", s.getResource),
		op("FindResources", s.findResources),
		op("ListResourceVersions", s.listResourceVersions),
		op("ExplainUsage", s.explainUsage),
		op("GetUsageHistory", s.getUsageHistory),
		op("CompareUsage", s.compareUsage),
		op("SimulateUsage", s.simulateUsage).sized(maxReports),
		op("VerifyLedgers", s.verifyLedgers),
		op("ExportLedger", s.exportLedger),
		op("CreateCheckpoint", s.createCheckpoint),
		op("GetCheckpoint", s.getCheckpoint),
		op("ListCheckpoints", s.listCheckpoints),
		op("PutWitnessCheckpoint", s.putWitnessCheckpoint).sized(maxWitnessed),
		op("RotateCheckpointKey", s.rotateCheckpointKey),
		op("DiscoverResources", s.discoverResources),
		op("ExcludeResource", s.excludeResource),
		op("IncludeResource", s.includeResource),
		op("ListExclusions", s.listExclusions),
		op("ListRevisions", s.listRevisions),
		op("ListPositions", s.listPositions),
		op("ListAssociations", s.listAssociations),
		op("ListSoftware", s.listSoftware),
		op("CreateAccount", s.createAccount),
		op("ListAccounts", s.listAccounts),
		op("CreateAccessKey", s.createAccessKey),
		op("ListAccessKeys", s.listAccessKeys),
		op("UpdateAccessKey", s.updateAccessKey),
		op("DeleteAccessKey", s.deleteAccessKey),
		op("CreateUser", s.createUser),
		op("ListUsers", s.listUsers),
		op("DeleteUser", s.deleteUser),
		op("CreateRole", s.createRole),
		op("ListRoles", s.listRoles),
		op("UpdateRole", s.updateRole),
		op("DeleteRole", s.deleteRole),
		op("PutPolicy", s.putPolicy),
		op("ListPolicies", s.listPolicies),
		op("DeletePolicy", s.deletePolicy),
		op("AttachPolicy", s.attachPolicy),
		op("DetachPolicy", s.detachPolicy),
		op("SimulatePolicy", s.simulatePolicy),
		op("GetCallerIdentity", s.getCallerIdentity),
		op("PutSources", s.putSources).sized(8 << 20),
		op("GetSource", s.getSource),
		op("ListSources", s.listSources),
		op("DeleteSource", s.deleteSource),
		op("RunSource", s.runSource),
		op("ListSourceRuns", s.listSourceRuns),
		op("CreateAgentToken", s.createAgentToken),
		op("ListAgentTokens", s.listAgentTokens),
		op("DeleteAgentToken", s.deleteAgentToken),
		op("LookupEvents", s.lookupEvents),
		op("VerifyEvents", s.verifyEvents),
	}
}

// sharing lists those of organizations and of what their accounts share.
func (s *server) sharing() []row {
	return []row{
		op("CreateOrganization", s.createOrganization),
		op("DescribeOrganization", s.describeOrganization),
		op("AddAccountToOrganization", s.addAccountToOrganization),
		op("RemoveAccountFromOrganization", s.removeAccountFromOrganization),
		op("ListOrganizationAccounts", s.listOrganizationAccounts),
		op("RegisterDelegatedAdministrator", s.registerDelegatedAdministrator),
		op("DeregisterDelegatedAdministrator", s.deregisterDelegatedAdministrator),
		op("ShareLicenseConfiguration", s.shareLicenseConfiguration),
		op("UnshareLicenseConfiguration", s.unshareLicenseConfiguration),
		op("ListLicenseConfigurationShares", s.listLicenseConfigurationShares),
	}
}

// unanswered lists the operations of the models that Reeve does not have.
func unanswered() []row {
	return []row{
		notYet("CreateLicenseManagerReportGenerator", reportFiles),
		notYet("DeleteLicenseManagerReportGenerator", reportFiles),
		notYet("GetLicenseManagerReportGenerator", reportFiles),
		notYet("ListLicenseManagerReportGenerators", reportFiles),
		notYet("UpdateLicenseManagerReportGenerator", reportFiles),

		notYet("CreateLicenseAssetGroup", assetGroups),
		notYet("CreateLicenseAssetRuleset", assetGroups),
		notYet("DeleteLicenseAssetGroup", assetGroups),
		notYet("DeleteLicenseAssetRuleset", assetGroups),
		notYet("GetLicenseAssetGroup", assetGroups),
		notYet("GetLicenseAssetRuleset", assetGroups),
		notYet("ListAssetsForLicenseAssetGroup", assetGroups),
		notYet("ListLicenseAssetGroups", assetGroups),
		notYet("ListLicenseAssetRulesets", assetGroups),
		notYet("UpdateLicenseAssetGroup", assetGroups),
		notYet("UpdateLicenseAssetRuleset", assetGroups),

		notYet("CreateLicenseConversionTaskForResource", conversion),
		notYet("GetLicenseConversionTask", conversion),
		notYet("ListLicenseConversionTasks", conversion),

		notYet("AcceptGrant", sellerSide),
		notYet("CheckInLicense", sellerSide),
		notYet("CheckoutBorrowLicense", sellerSide),
		notYet("CheckoutLicense", sellerSide),
		notYet("CreateGrant", sellerSide),
		notYet("CreateGrantVersion", sellerSide),
		notYet("CreateLicense", sellerSide),
		notYet("CreateLicenseVersion", sellerSide),
		notYet("CreateToken", sellerSide),
		notYet("DeleteGrant", sellerSide),
		notYet("DeleteLicense", sellerSide),
		notYet("DeleteToken", sellerSide),
		notYet("ExtendLicenseConsumption", sellerSide),
		notYet("GetAccessToken", sellerSide),
		notYet("GetGrant", sellerSide),
		notYet("GetLicense", sellerSide),
		notYet("GetLicenseUsage", sellerSide),
		notYet("ListDistributedGrants", sellerSide),
		notYet("ListLicenseVersions", sellerSide),
		notYet("ListLicenses", sellerSide),
		notYet("ListReceivedGrants", sellerSide),
		notYet("ListReceivedGrantsForOrganization", sellerSide),
		notYet("ListReceivedLicenses", sellerSide),
		notYet("ListReceivedLicensesForOrganization", sellerSide),
		notYet("ListTokens", sellerSide),
		notYet("RejectGrant", sellerSide),
	}
}

// A row is one operation of the table.
type row struct {
	api.Operation
	action  string // its name in policies
	maxBody int64  // bytes; 0 is the protocol's own limit
	reason  string // why the operation is not there yet; "" when it is
	read    func(body []byte) (any, error)
	answer  func(ctx context.Context, who license.Caller, in any) (awsjson.Response, error)
}

// op is the row of an operation: it decodes the input, holds it against the
// model's constraints, and calls answer with a proven caller who may.
func op[In, Out any, Input interface {
	*In
	api.Input
}](name string, answer func(context.Context, license.Caller, *In) (*Out, error)) row {
	return row{
		Operation: modelled(name), action: actionOf(modelled(name)),
		read: func(body []byte) (any, error) {
			in := new(In)
			return in, decode(body, Input(in))
		},
		answer: func(ctx context.Context, who license.Caller, in any) (awsjson.Response, error) {
			out, err := answer(ctx, who, in.(*In))
			if err != nil {
				return nil, err
			}
			return response(out), nil
		},
	}
}

// decode reads an input and holds it against the model's constraints, and
// against one of Reeve's: no text holds the NUL character, which no database
// of ours can keep and no name, tag or ARN needs.
func decode(body []byte, in api.Input) error {
	if err := awsjson.Decode(body, in); err != nil {
		return err
	}
	if hasNUL(body) {
		return &license.Error{Kind: license.Validation, Message: "A text of this request holds the NUL character (\\u0000). Leave it out."}
	}
	if broken := in.Validate(); broken != nil {
		return &license.Error{Kind: license.Validation, Message: broken.Error()}
	}
	return nil
}

// hasNUL reports whether valid JSON has the escape of the NUL character, the
// only way that it can be written. A backslash before it that is itself
// escaped makes it six ordinary characters.
func hasNUL(body []byte) bool {
	const escape = `\u0000`
	for {
		at := bytes.Index(body, []byte(escape))
		if at < 0 {
			return false
		}
		before := body[:at]
		if backslashes := len(before) - len(bytes.TrimRight(before, `\`)); backslashes%2 == 0 {
			return true
		}
		body = body[at+len(escape):]
	}
}

// response is how an output is written: not at all where it was before, by
// itself where it can, else by its struct tags.
func response[Out any](out *Out) awsjson.Response {
	if before, ok := any(out).(interface{ written() []byte }); ok && before.written() != nil {
		return awsjson.Bytes(before.written())
	}
	if itself, ok := any(out).(awsjson.Response); ok {
		return itself
	}
	return awsjson.Marshal(out)
}

// sized lets an operation's body be larger than the protocol's limit.
func (r row) sized(maxBody int64) row {
	r.maxBody = maxBody
	return r
}

// notYet is the row of an operation that Reeve does not have: it says so, and
// never answers with something that looks like success.
func notYet(name, reason string) row {
	text := name + " is an operation of AWS License Manager that Reeve does not have yet."
	return row{
		Operation: modelled(name), action: actionOf(modelled(name)), reason: reason,
		read: func([]byte) (any, error) { return nil, nil },
		answer: func(context.Context, license.Caller, any) (awsjson.Response, error) {
			return nil, &awsjson.Fault{Code: codeUnknownOperation, Message: text}
		},
	}
}

// modelled finds an operation in the service models. The table is written by
// hand, so a name that no model has is a mistake of ours, found at the start.
func modelled(name string) api.Operation {
	for _, o := range api.Operations {
		if o.Name == name {
			return o
		}
	}
	panic(fmt.Sprintf("the table of operations has %s, which no service model has", name))
}

// targets keys the table as requests name its rows.
func (s *server) targets(table []row) map[string]awsjson.Operation {
	operations := make(map[string]awsjson.Operation, len(table))
	for _, r := range table {
		operations[r.Service+"."+r.Name] = awsjson.Operation{MaxBody: r.maxBody, Change: !readsOnly(r.Name), Serve: func(ctx context.Context, c awsjson.Call) (awsjson.Response, error) {
			return s.serve(ctx, &r, c)
		}}
	}
	return operations
}

// serve answers one call: the way that every operation takes. Whether the
// caller may do this is decided before anything looks whether what it names
// exists.
func (s *server) serve(parent context.Context, r *row, c awsjson.Call) (awsjson.Response, error) {
	ctx := withDeadline(parent, requestTime)
	defer ctx.stop()
	signer, err := signerOf(c)
	if err != nil {
		return nil, err
	}
	who := callerOf(signer, r.Name)
	in, err := r.read(c.Body)
	if err != nil {
		return nil, r.explain(err)
	}
	if err := s.authorize(ctx, who, signer, r.action, in); err != nil {
		return nil, r.explain(err)
	}
	answer, err := r.answer(ctx, who, in)
	if err != nil {
		return nil, r.explain(err)
	}
	if _, ready := answer.(awsjson.Bytes); ready {
		return answer, nil
	}
	text, err := answer.AppendJSON(c.Out) // which may still read the ledger
	if err != nil {
		return nil, r.explain(err)
	}
	return awsjson.Appended(text), nil
}

// actionOf is an operation's name in policies.
func actionOf(o api.Operation) string {
	if o.Service == api.Reeve {
		return "reeve:" + o.Name
	}
	return signingService + ":" + o.Name
}

// explain turns an error into one that the operation declares; what is no
// refusal, but the server's own trouble, stays as it is, for the log.
func (r row) explain(err error) error {
	if f := fault(err, r.Errors); f != nil && f.Status < http.StatusInternalServerError {
		return f
	}
	return err
}

// Status says of one operation whether Reeve has it.
type Status struct {
	Service string // api.LicenseManager or api.Reeve
	Name    string
	Reason  string // why it is not there yet; "" when it is
}

// Operations lists every operation of the table, in its order.
func Operations() []Status {
	table := (&server{}).table()
	return convert(table, func(r *row) Status { return Status{r.Service, r.Name, r.reason} })
}
