/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of MeshConfig. */
#include "model/check.h"

#include <string.h>
#include "model/meshconfig.h"
#include "model/names.h"

void hdl_check_mesh_service_settings(struct hdl_decode *d, void *object)
{
	const struct hdl_mesh_service_settings *settings = object;

	for (size_t i = 0; i < settings->hosts.n; i++) {
		const struct hdl_text *host = &settings->hosts.at[i];

		if (host->s && !hdl_name_is_host(host->s, true))
			hdl_decode_error(d, host->pos, "hosts", "\"%.100s\" is not a host name", host->s);
	}
}

static void check_trust_domain(struct hdl_decode *d, const struct hdl_text *domain, const char *field)
{
	if (domain->s && !hdl_name_is_trust_domain(domain->s))
		hdl_decode_error(d, domain->pos, field, "\"%.100s\" is not a trust domain: labels joined by dots",
				 domain->s);
}

void hdl_check_mesh_config(struct hdl_decode *d, void *object)
{
	const struct hdl_mesh_config *mesh = object;

	if (mesh->root_namespace.s && *mesh->root_namespace.s && !hdl_name_is_namespace(mesh->root_namespace.s))
		hdl_decode_error(d, mesh->root_namespace.pos, "rootNamespace", "\"%.100s\" is not a namespace",
				 mesh->root_namespace.s);
	check_trust_domain(d, &mesh->trust_domain, "trustDomain");
	for (size_t i = 0; i < mesh->trust_domain_aliases.n; i++)
		check_trust_domain(d, &mesh->trust_domain_aliases.at[i], "trustDomainAliases");
	hdl_check_export_list(d, &mesh->default_service_export_to, "defaultServiceExportTo", HDL_EXPORT_NONE);
	hdl_check_export_list(d, &mesh->default_virtual_service_export_to, "defaultVirtualServiceExportTo",
			      HDL_EXPORT_NONE);
	hdl_check_export_list(d, &mesh->default_destination_rule_export_to, "defaultDestinationRuleExportTo",
			      HDL_EXPORT_NONE);
	if (mesh->mesh_mtls && mesh->mesh_mtls->ecdh_curves.n)
		hdl_decode_error(d, mesh->mesh_mtls->pos, "meshMTLS.ecdhCurves", "cannot be set for mutual TLS");
}
