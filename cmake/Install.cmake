# What `cmake --install` puts where. The program finds share/alphaprune_mpi from its own place, so
# that the whole prefix may be moved.
install(TARGETS alphaprune_mpi RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(ALPHAPRUNE_HAS_CUDA)
    install(TARGETS alphaprune_cuda LIBRARY DESTINATION lib/${PROJECT_NAME})
endif()
install(DIRECTORY data/books-7m DESTINATION ${CMAKE_INSTALL_DATADIR}/${PROJECT_NAME})
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs slurm DESTINATION ${CMAKE_INSTALL_DOCDIR} USE_SOURCE_PERMISSIONS
    FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN "*.sbatch")
# `module use PREFIX/share/modulefiles`, and it is found under its name and version.
install(FILES docker/modulefile DESTINATION ${CMAKE_INSTALL_DATADIR}/modulefiles/${PROJECT_NAME}
    RENAME ${PROJECT_VERSION})
