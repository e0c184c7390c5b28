// Before the first paint: the scheme that was chosen here, if any.
const scheme = localStorage.getItem("rendernode.scheme");
if (scheme) document.documentElement.dataset.scheme = scheme;
