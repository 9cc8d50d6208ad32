// Shows the document of this address; ?tenant= is passed on where the address has no tenant.
window.addEventListener("load", () => {
  window.SwaggerUIBundle({
    url: "/api/openapi.json" + window.location.search,
    dom_id: "#page",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: true,
    tagsSorter: "alpha",
    tryItOutEnabled: true,
    validatorUrl: null,
  });
});
