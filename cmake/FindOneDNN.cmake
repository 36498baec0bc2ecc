# oneDNN, as the target OneDNN::OneDNN. (Its own package asks for OpenCL's headers, which nothing needs.)
# Hint: OneDNN_ROOT.
include(FindPackageHandleStandardArgs)
find_path(ONEDNN_INCLUDE_DIR NAMES oneapi/dnnl/dnnl.hpp)
find_library(ONEDNN_LIBRARY NAMES dnnl)
mark_as_advanced(ONEDNN_INCLUDE_DIR ONEDNN_LIBRARY)

# The cores belong to the ranks: only with OpenMP, or built without threads, can oneDNN be kept on one.
set(ONEDNN_USES_ONE_CORE FALSE)
if(ONEDNN_INCLUDE_DIR)
    file(STRINGS "${ONEDNN_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h" version
         REGEX "#define DNNL_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
    string(REGEX REPLACE "[^0-9;]" "" version "${version}")
    string(REPLACE ";" "." OneDNN_VERSION "${version}")
    file(STRINGS "${ONEDNN_INCLUDE_DIR}/oneapi/dnnl/dnnl_config.h" runtime
         REGEX "#define DNNL_CPU_THREADING_RUNTIME DNNL_RUNTIME_(OMP|SEQ)$")
    if(runtime)
        set(ONEDNN_USES_ONE_CORE TRUE)
    endif()
endif()

find_package_handle_standard_args(OneDNN
    REQUIRED_VARS ONEDNN_LIBRARY ONEDNN_INCLUDE_DIR ONEDNN_USES_ONE_CORE
    VERSION_VAR OneDNN_VERSION)

if(OneDNN_FOUND AND NOT TARGET OneDNN::OneDNN)
    add_library(OneDNN::OneDNN UNKNOWN IMPORTED)
    set_target_properties(OneDNN::OneDNN PROPERTIES
        IMPORTED_LOCATION "${ONEDNN_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${ONEDNN_INCLUDE_DIR}")
endif()
